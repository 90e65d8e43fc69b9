#!/usr/bin/env bash
# Puts every report into the summary of the job.
set -euo pipefail

for report in "$REPORT_DIR"/*.md; do
  [[ ! -e $report ]] || { cat "$report" && echo; } >>"$GITHUB_STEP_SUMMARY"
done
