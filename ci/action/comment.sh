#!/usr/bin/env bash
# Comments on the pull request, where there is one and the token may, with the reports of this run.
set -euo pipefail

read -ra names <<<"$REPORTS"
"$PYTHON" -I "$GITHUB_ACTION_PATH/ci/action/comment.py" "$REPORT_DIR" ${names[@]+"${names[@]}"}
