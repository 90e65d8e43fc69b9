#!/usr/bin/env bash
# Builds sdist and wheel, installs the wheel in a fresh environment outside the checkout, and uses it there.
# usage: tools/wheel_smoke.sh PYTHON      (a Python that has `build` and `hatchling`)
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
unset PYTHONPATH

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Without --wheel or --sdist the wheel is built from the sdist, so this proves that both are complete.
"$python" -m build --no-isolation --outdir "$tmp/dist" "$root" >"$tmp/build.log" 2>&1 || {
  cat "$tmp/build.log"
  exit 1
}
"$python" tools/check_wheel.py "$tmp"/dist/*.whl

"$python" -m venv "$tmp/venv"
"$tmp/venv/bin/python" -m pip install -q --disable-pip-version-check -c constraints/dev.txt "$tmp"/dist/*.whl

sample=$(find sample_logs -type f \( -name '*.jsonl*' -o -name '*.parquet' \) | LC_ALL=C sort | head -n 1)
[ -n "$sample" ] || { echo "sample_logs/ holds no log" >&2; exit 1; }
mkdir "$tmp/work"
cp "$sample" "$tmp/work/"
cd "$tmp/work"

run() {
  printf '$ costaudit %s\n' "$*"
  "$tmp/venv/bin/costaudit" "$@" >"$tmp/out" || {
    local code=$?
    cat "$tmp/out"
    echo "exit $code" >&2
    exit 1
  }
  [ -s "$tmp/out" ] || { echo "printed nothing" >&2; exit 1; }
}

run --version
run simulate
run pricing check
run analyze "$(basename "$sample")"
echo "The wheel works outside the checkout."
