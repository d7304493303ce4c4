#!/usr/bin/env bash
# Large and odd data, each trained for one epoch. Run from the project's folder: tests/scale.sh
set -eu
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

try() {
  echo "== $1"
  shift
  ./rnn "$@" --epochs 1 --model_dir "$work/models"
}

mkdir "$work/large" "$work/languages" "$work/letters" "$work/small"
for file in data/*.txt; do  # a hundred of each name, told apart by two letters at the end
  awk '{ for (k = 0; k < 100; k++) print $0 sprintf("%c%c", 97 + k % 10, 97 + int(k / 10)) }' "$file" \
    >"$work/large/${file##*/}"
done
for k in $(seq -w 2000); do
  awk -v k="$k" 'BEGIN { srand(k); for (i = 0; i < 20; i++) {
    s = ""; for (j = 0; j < 6; j++) s = s sprintf("%c", 97 + int(10 * rand())); print s } }' >"$work/languages/L$k.txt"
done
for language in A B; do  # 60,000 code points from U+20000, four in a name
  awk -v end=$language 'BEGIN { for (c = 131072; c < 191072; c++) {
    printf "%c%c%c%c", 240, 128 + int(c / 4096) % 64, 128 + int(c / 64) % 64, 128 + c % 64
    if (c % 4 == 3) print end } }' >"$work/letters/$language.txt"
done
head -n 200 data/Dutch.txt >"$work/small/A.txt"
head -n 200 data/Greek.txt >"$work/small/B.txt"

try "a hundred times the data" "$work/large"
try "2,000 languages" "$work/languages" --hidden_dim 32
try "60,000 letters" "$work/letters" --hidden_dim 32
try "one hidden unit" data/ --hidden_dim 1
try "4096 hidden units" "$work/small" --hidden_dim 4096
