#!/usr/bin/env bash
# costaudit pricing check, against the base where there is one.
set -euo pipefail

arguments=()
[[ -z $BASE ]] || arguments+=("--base=git:$BASE:./$INPUT_PATH")
[[ -z $INPUT_MAX_AGE ]] || arguments+=("--max-age=$INPUT_MAX_AGE")
while IFS= read -r policy; do
  [[ -z $policy ]] || arguments+=("--policy=$policy")
done <<<"$INPUT_POLICY"
arguments+=(-- "${INPUT_HEAD:+git:$INPUT_HEAD:./}$INPUT_PATH")

bash "$GITHUB_ACTION_PATH/ci/action/judge.sh" pricing-check "${arguments[@]}"
