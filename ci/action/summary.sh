#!/usr/bin/env bash
# Puts the reports of this run into the summary of the job; others that lie in their folder are not ours.
set -euo pipefail

read -ra names <<<"$REPORTS"
for name in ${names[@]+"${names[@]}"}; do
  report="$REPORT_DIR/$name.md"
  [[ ! -f $report ]] || { cat "$report" && echo; } >>"$GITHUB_STEP_SUMMARY"
done
