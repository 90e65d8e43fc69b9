#!/usr/bin/env bash
# Ends with the gravest exit code of the commands.
set -euo pipefail

worst=0
read -ra ends <<<"$CODES"
for code in ${ends[@]+"${ends[@]}"}; do
  ((code <= worst)) || worst=$code
done
echo "exit-code=$worst" >>"$GITHUB_OUTPUT"
[[ $INPUT_FAIL == true ]] || exit 0
exit "$worst"
