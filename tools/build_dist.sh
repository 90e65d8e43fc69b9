#!/usr/bin/env bash
# Builds sdist and wheel, twice, and keeps them only if both builds have the same bytes.
# usage: tools/build_dist.sh PYTHON FOLDER      (a Python that has `build` and `hatchling`)
#
# The second build is of the first one's sdist: somewhere else, with other times of the files, and under another
# umask. What it could not reproduce, nobody could. Times in the archives are that of the commit.
set -euo pipefail
unset CDPATH PYTHONPATH
cd "$(dirname "$0")/.."
python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
mkdir -p "$2"
folder=$(cd "$2" && pwd)

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git show -s --no-show-signature --format=%ct HEAD 2>/dev/null || echo 1577836800)}

# Without --wheel or --sdist the wheel is built from the sdist, so this proves that both are complete.
build() {
  "$python" -m build --no-isolation --outdir "$2" "$1" >"$tmp/build.log" 2>&1 || {
    cat "$tmp/build.log"
    exit 1
  }
}

build . "$tmp/first"
(
  umask 077
  mkdir "$tmp/unpacked"
  tar -xzf "$tmp"/first/*.tar.gz -m --strip-components=1 -C "$tmp/unpacked"
  build "$tmp/unpacked" "$tmp/second"
)
diff -r "$tmp/first" "$tmp/second" || {
  echo "two builds of the same source differ" >&2
  exit 1
}
rm -f "$folder"/costaudit-*.whl "$folder"/costaudit-*.tar.gz
mv "$tmp"/first/* "$folder"
