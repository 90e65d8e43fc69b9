#!/usr/bin/env bash
# Runs one command of costaudit: annotations go to the log, every report to its folder, the exit code to the next steps.
#   judge.sh NAME ARGUMENT…      NAME is the command with dashes for spaces, like pricing-check, and names the reports
set -euo pipefail

name=$1
shift
IFS=- read -ra command <<<"$name"
reports=()
for report in text:txt json:json markdown:md sarif:sarif junit:xml gitlab:codequality.json; do
  file="$REPORT_DIR/$name.${report#*:}"
  rm -f "$file" # it may have come with the checkout, as a link to somewhere else
  reports+=("--report=${report%%:*}:$file")
done

code=0
said=$(mktemp "$RUNNER_TEMP/said.XXXXXX")
"$COSTAUDIT" "${command[@]}" --format=github "${reports[@]}" "$@" 2>"$said" || code=$?
# What is said on stderr may quote a table: `::` and `##[` would be commands of the runner, and \r begins a line for it.
tr '\r' '\n' <"$said" | sed -e 's/##\[/## [/g' -e 's/::/: :/g' >&2
rm "$said"
{
  echo "code=$code"
  echo "report=$name"
} >>"$GITHUB_OUTPUT"
