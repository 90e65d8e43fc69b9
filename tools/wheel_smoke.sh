#!/usr/bin/env bash
# Builds sdist and wheel, installs the wheel in fresh environments outside the checkout, and uses it there: with the
# dependencies that are pinned, and with the oldest that are allowed. Both must answer with the same bytes.
# usage: tools/wheel_smoke.sh PYTHON      (a Python that has `build` and `hatchling`)
set -euo pipefail
unset CDPATH PYTHONPATH
cd "$(dirname "$0")/.."
python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

tools/build_dist.sh "$python" "$tmp/dist"
"$python" tools/check_wheel.py "$tmp"/dist/*.whl

sample=$(find sample_logs -type f \( -name '*.jsonl*' -o -name '*.parquet' \) | LC_ALL=C sort | head -n 1)
[ -n "$sample" ] || { echo "sample_logs/ holds no log" >&2; exit 1; }
log=$(basename "$sample")

# use NAME: the wheel with the versions of constraints/NAME.txt; leaves its answers in $tmp/NAME.
use() {
  "$python" -m venv "$tmp/venv-$1"
  "$tmp/venv-$1/bin/python" -m pip install -q --disable-pip-version-check --no-compile \
    -c "constraints/$1.txt" "$tmp"/dist/*.whl
  mkdir "$tmp/$1"
  cp "$sample" "$tmp/$1/"
  run "$1" --version
  run "$1" simulate
  run "$1" pricing check
  run "$1" analyze --format json "$log"
  run "$1" tag "$log"
}

run() {
  local name=$1 words answer
  shift
  words="$*"
  answer="$tmp/$name/${words// /-}.txt"
  printf '%s: costaudit %s\n' "$name" "$*"
  (cd "$tmp/$name" && "$tmp/venv-$name/bin/costaudit" "$@" >"$tmp/answer") || {
    local code=$?
    cat "$tmp/answer"
    echo "exit $code" >&2
    exit 1
  }
  [ -s "$tmp/answer" ] || { echo "printed nothing" >&2; exit 1; }
  mv "$tmp/answer" "$answer"
}

use dev
use minimum
diff -r "$tmp/dev" "$tmp/minimum" || { echo "the oldest dependencies answer otherwise" >&2; exit 1; }
(cd "$tmp/dev" && COSTAUDIT_NATIVE=0 "$tmp/venv-dev/bin/costaudit" analyze --format json "$log") |
  diff - "$tmp/dev/analyze---format-json-$log.txt" || { echo "without compiled code it answers otherwise" >&2; exit 1; }
echo "The wheel works outside the checkout, with the oldest dependencies too."
