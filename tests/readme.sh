#!/usr/bin/env bash
# Runs the command at the head of each console block of the README and writes what it prints below it, so that no
# transcript goes stale. Run from the project's folder after make: tests/readme.sh
set -eu
state=text
while IFS= read -r line; do
  case "$state:$line" in
    text:'```console') state=command; echo "$line" ;;
    command:'$ '*) state=output; echo "$line"; bash -c "${line#'$ '}" 2>&1 </dev/null | sed 's/ *$//' ;;
    output:'```') state=text; echo "$line" ;;
    output:*) ;;
    *) echo "$line" ;;
  esac
done <README.md >README.md.tmp
mv README.md.tmp README.md
