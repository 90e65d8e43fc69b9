#!/usr/bin/env bash
# Installs the costaudit of this action into an environment of its own, and makes the folder of the reports.
#
# Python runs with -I: a pip.py or venv.py of the working directory is not imported. The environment of the build
# takes the same pins as the installation; pip knows one name for it before 25.3, and another since.
set -euo pipefail

refuse() {
  echo "::error title=costaudit::$1"
  exit 2
}

python=$(type -P -- "$INPUT_PYTHON") || refuse "the input python names no program"
"$python" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  refuse "costaudit needs Python 3.11 or newer; the input python names one"
case $INPUT_REPORT_DIR in
  *[$'\r\n']*) refuse "the input report-dir has more than one line" ;;
  /*) reports=$INPUT_REPORT_DIR ;;
  *) reports=$PWD/$INPUT_REPORT_DIR ;;
esac
[[ ! -L $reports ]] || refuse "the input report-dir names a link: reports would be written elsewhere"

venv="$RUNNER_TEMP/costaudit"
pins="$GITHUB_ACTION_PATH/constraints/dev.txt"
"$python" -I -m venv "$venv"
PIP_CONSTRAINT=$pins PIP_BUILD_CONSTRAINT=$pins "$venv/bin/python" -I -m pip install --quiet \
  --disable-pip-version-check "$GITHUB_ACTION_PATH"

mkdir -p "$reports"
{
  echo "python=$venv/bin/python"
  echo "costaudit=$venv/bin/costaudit"
  echo "report-dir=$reports"
} >>"$GITHUB_OUTPUT"
