#!/usr/bin/env bash
# Installs the costaudit of this action into an environment of its own, and makes the folder of the reports.
set -euo pipefail

venv="$RUNNER_TEMP/costaudit"
"$INPUT_PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "::error title=costaudit::costaudit needs Python 3.11 or newer; the input python names one"
  exit 2
}
"$INPUT_PYTHON" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  --constraint "$GITHUB_ACTION_PATH/constraints/dev.txt" "$GITHUB_ACTION_PATH"

mkdir -p "$INPUT_REPORT_DIR"
{
  echo "costaudit=$venv/bin/costaudit"
  echo "report-dir=$(cd "$INPUT_REPORT_DIR" && pwd)"
} >>"$GITHUB_OUTPUT"
