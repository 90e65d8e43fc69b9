#!/usr/bin/env bash
# Finds the commit that the tables are compared with; writes an empty one where there is none.
#
# GitHub checks a pull request as its merge with the base branch, GITHUB_SHA: the first parent is the base, whatever has
# landed there since the event. Where something else is checked out, it is where that left the base branch. A
# revision that is named goes before everything else. Nothing is fetched, and commits are what their hash says.
set -euo pipefail
export GIT_ALLOW_PROTOCOL='' GIT_NO_LAZY_FETCH=1 GIT_NO_REPLACE_OBJECTS=1 GIT_GRAFT_FILE=/dev/null

known() {
  git rev-parse --verify --quiet --end-of-options "$1^{commit}" 2>/dev/null
}

refuse() {
  echo "::error title=costaudit::$1"
  exit 2
}

absent() {
  refuse "the base, or the head, is no revision that this clone has: check out with fetch-depth 0"
}

said=$(LC_ALL=C git rev-parse --git-dir 2>&1 >/dev/null) || [[ $said == *"not a git repository"* ]] ||
  refuse "git refuses the repository: it may belong to somebody else (see safe.directory), or be broken"

head=${INPUT_HEAD:-HEAD}
base=
if [[ -n $INPUT_BASE ]]; then
  base=$(known "$INPUT_BASE") || absent
elif [[ -n $INPUT_HEAD || ${GITHUB_EVENT_NAME:-} == pull_request* ]]; then
  if [[ -z $INPUT_HEAD && $(known HEAD) == "${GITHUB_SHA:-}" ]] && known 'HEAD^2' >/dev/null; then
    base=$(known 'HEAD^1')
  else
    # Never HEAD with itself: nothing would change, whatever was changed.
    target=$(known "origin/${GITHUB_BASE_REF:-}" || { [[ -n $INPUT_HEAD ]] && known HEAD; }) || absent
    base=$(git merge-base --end-of-options "$target" "$head" 2>/dev/null) || absent
  fi
else
  base=$(known "${EVENT_BEFORE:-}" || known 'HEAD^1' || true)
  [[ -n $base || $(git rev-parse --is-shallow-repository 2>/dev/null) != true ]] || absent
fi

if [[ -n $base ]] && ! git cat-file -e --end-of-options "$base:./$INPUT_PATH" 2>/dev/null; then
  echo "::notice title=costaudit::the base has no such tables, so they are checked as they are"
  base=
fi
echo "base=$base" >>"$GITHUB_OUTPUT"
