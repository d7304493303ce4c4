#!/usr/bin/env bash
# Runs every command of the README's console blocks and writes what it prints below it, so that no transcript goes stale.
# Run from the project's folder after make: tests/readme.sh
set -eu
inside=no
while IFS= read -r line; do
  case "$inside:$line" in
    no:'```console') inside=yes; echo "$line" ;;
    yes:'$ '*) echo "$line"; bash -c "${line#'$ '}" 2>&1 </dev/null | sed 's/ *$//' ;;
    yes:'```') inside=no; echo "$line" ;;
    yes:*) ;;
    *) echo "$line" ;;
  esac
done <README.md >README.md.tmp
mv README.md.tmp README.md
