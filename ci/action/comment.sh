#!/usr/bin/env bash
# Comments on the pull request, where there is one and the token may.
set -euo pipefail

"$INPUT_PYTHON" "$GITHUB_ACTION_PATH/ci/action/comment.py" "$REPORT_DIR"
