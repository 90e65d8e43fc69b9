#!/usr/bin/env bash
# Writes a bill of materials (CycloneDX, JSON) of a wheel: itself, and everything that it is checked with at run time.
# usage: tools/sbom.sh PYTHON WHEEL FILE
#
# The tool runs in an environment of its own and reads that of the wheel, which holds nothing else. The same wheel
# and pins give the same bytes.
set -euo pipefail
unset CDPATH PYTHONPATH
python=$1 wheel=$2 file=$3
root=$(cd "$(dirname "$0")/.." && pwd)

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$python" -m venv "$tmp/tool"
"$python" -m venv --without-pip "$tmp/wheel"
pip=("$tmp/tool/bin/python" -m pip)
quiet=(-q --disable-pip-version-check)
"${pip[@]}" --python "$tmp/wheel/bin/python" install "${quiet[@]}" -c "$root/constraints/dev.txt" "$wheel"
"${pip[@]}" install "${quiet[@]}" -c "$root/constraints/sbom.txt" cyclonedx-bom

mkdir -p "$(dirname "$file")"
"$tmp/tool/bin/cyclonedx-py" environment --pyproject "$root/pyproject.toml" --mc-type application \
  --output-reproducible --output-format JSON --output-file "$file" "$tmp/wheel/bin/python"
