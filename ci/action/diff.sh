#!/usr/bin/env bash
# costaudit pricing diff: what changes from the base, on logs or a ledger where one is named.
set -euo pipefail

arguments=()
[[ -z $INPUT_LEDGER ]] || arguments+=("--ledger=$INPUT_LEDGER")
[[ -z $INPUT_IGNORE_BELOW ]] || arguments+=("--ignore-below=$INPUT_IGNORE_BELOW")
while IFS= read -r path; do
  [[ -z $path ]] || arguments+=("--logs=$path")
done <<<"$INPUT_LOGS"
while IFS= read -r condition; do
  [[ -z $condition ]] || arguments+=("--fail-if=$condition")
done <<<"$INPUT_FAIL_IF"
arguments+=(-- "git:$BASE:./$INPUT_PATH" "${INPUT_HEAD:+git:$INPUT_HEAD:./}$INPUT_PATH")

bash "$GITHUB_ACTION_PATH/ci/action/judge.sh" pricing-diff "${arguments[@]}"
