#!/usr/bin/env bash
# Runs one command of costaudit: annotations go to the log, every report to its folder, the exit code to the next steps.
#   judge.sh NAME ARGUMENT…
set -euo pipefail

name=$1
shift
reports=()
for report in text:txt json:json markdown:md sarif:sarif junit:xml gitlab:codequality.json; do
  rm -f "$REPORT_DIR/$name.${report#*:}"
  reports+=(--report "${report%%:*}:$REPORT_DIR/$name.${report#*:}")
done

code=0
"$COSTAUDIT" "$@" --format github "${reports[@]}" 2>"$REPORT_DIR/$name.err" || code=$?
# What is said on stderr may quote a table, and `##[` would be a command of the runner.
sed 's/##\[/## [/g' "$REPORT_DIR/$name.err" >&2
rm -f "$REPORT_DIR/$name.err"
echo "code=$code" >>"$GITHUB_OUTPUT"
