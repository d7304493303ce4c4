#!/usr/bin/env bash
# What `make bench` prints: tests/bench.cpp, then the program itself, timed by history.csv and by the clock.
set -eu
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | sort | uniq -c
tests/build/bench

seconds() {
  ./rnn "$@" --model_dir "$work/models" >/dev/null
  awk -F, 'NR > 1 { s += $7 } END { print s }' "$work/models/history.csv"
}
median() { sort -n | awk '{ x[NR] = $1 } END { print x[int((NR + 1) / 2)] }'; }

names=$(./rnn --epochs 1 --model_dir "$work/models" | sed -n 's/^\([0-9]*\) names to train on.*/\1/p')
for run in 1 2 3 4 5; do
  seconds --threads 1 >>"$work/one"
  seconds --threads 2 >>"$work/two"
done
one=$(median <"$work/one")
two=$(median <"$work/two")
printf '\ntraining, 10 epochs of %s names, median of 5 runs in turn\n' "$names"
compare() {  # names in all, the seconds of one thread and of two
  awk -v n="$1" -v a="$2" -v b="$3" 'BEGIN {
    printf "1 thread   %6.3f s  %9.0f names/s\n", a, n / a
    printf "2 threads  %6.3f s  %9.0f names/s  %.2f times one\n", b, n / b, a / b }'
}
compare $((10 * names)) "$one" "$two"

for run in 1 2 3; do
  seconds --epochs 1 --threads 1 >>"$work/fast"
  seconds --epochs 1 --plain >>"$work/plain"
done
awk -v a="$(median <"$work/plain")" -v b="$(median <"$work/fast")" 'BEGIN {
  printf "\nan epoch on one thread, median of 3 runs in turn\n"
  printf "part 2 of rnn.hpp %.3f s, part 1 (--plain) %.3f s, %.1f times as long\n", b, a, a / b }'

./rnn --model_dir "$work/models" >/dev/null
for copy in $(seq 20); do cat data/*.txt; done >"$work/names"
lines=$(wc -l <"$work/names")
TIMEFORMAT=%3R
for run in 1 2 3 4 5; do
  for threads in 1 2; do
    { time ./rnn --mode predict --model_path "$work/models/rnn.txt" --threads $threads <"$work/names" >"$work/out"
    } 2>>"$work/predict$threads"
  done
done
printf '\nprediction from a file to a file, %d names\n' "$lines"
compare "$lines" "$(median <"$work/predict1")" "$(median <"$work/predict2")"

printf '\ntraining, one epoch on one thread, as the data grow\n'
for copies in 1 4 16; do  # more names of the same kind: each copy has a letter of its own at the end
  mkdir -p "$work/data$copies"
  for file in data/*.txt; do
    for k in $(seq $copies); do
      sed "s/\$/$(printf '%b' "\\x$(printf %x $((96 + k)))")/" "$file"
    done >"$work/data$copies/${file##*/}"
  done
  printf '%2sx the names  %7.3f s\n' $copies "$(seconds "$work/data$copies" --epochs 1 --threads 1)"
done
for copies in 2 4; do  # longer names: each repeated within its line
  mkdir -p "$work/long$copies"
  for file in data/*.txt; do
    sed "$(for k in $(seq 2 $copies); do printf 's/^\([^|]*\).*$/&|\\1/;'; done)" "$file" \
      >"$work/long$copies/${file##*/}"
  done
  printf '%2sx the length %7.3f s\n' $copies "$(seconds "$work/long$copies" --epochs 1 --threads 1)"
done
