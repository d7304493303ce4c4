#!/usr/bin/env bash
# Runs the command at the head of each console block of README.md and data/README.md and writes what it prints below it,
# so that no transcript goes stale; keeps the picture of that training as tests/report.svg. Run from the project's
# folder after make: tests/readme.sh
set -eu
export LC_ALL=C
for page in README.md data/README.md; do
  state=text
  while IFS= read -r line; do
    case "$state:$line" in
      text:'```console') state=command; echo "$line" ;;
      command:'$ '*) state=output; echo "$line"; bash -c "${line#'$ '}" 2>&1 </dev/null | sed 's/ *$//' ;;
      output:'```') state=text; echo "$line" ;;
      output:*) ;;
      *) echo "$line" ;;
    esac
  done <"$page" >"$page.tmp"
  mv "$page.tmp" "$page"
done
cp models/report.svg tests/report.svg
