#!/usr/bin/env bash
# costaudit check: the gates of the project's settings, on logs or a ledger.
set -euo pipefail

arguments=(--)
while IFS= read -r path; do
  [[ -z $path ]] || arguments+=("$path")
done <<<"$INPUT_GATES"

bash "$GITHUB_ACTION_PATH/ci/action/judge.sh" check "${arguments[@]}"
