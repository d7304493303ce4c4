#!/usr/bin/env bash
# A run killed at any moment leaves only whole models, and the next run is not hindered: 200 kills at random times. What
# killed runs left unfinished is removed when it is an hour old.
# Run from the project's folder: tests/kill_test.sh
set -u
export LC_ALL=C
rnn=${RNN:-$PWD/rnn}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
mkdir data
printf 'Ann\nBen\nCid\nDan\nEva\nFay\nGus\nHal\nIda\nJoe\nKim\nLee\n' >data/A.txt
sed 's/^/X/' data/A.txt >data/B.txt
sed 's/$/z/' data/A.txt >data/C.txt
failures=0
fail() {
  failures=$((failures + 1))
  echo "kill_test: $1" >&2
}
loads() { "$rnn" --mode predict --model_path "$1" Ann >/dev/null || fail "$1"; }

RANDOM=1
models=0
for run in $(seq 200); do
  "$rnn" data --hidden_dim 128 --epochs 1000 --threads 1 >/dev/null &
  pid=$!
  sleep "0.0$(printf %02d $((RANDOM % 60)))"
  kill -9 $pid
  wait $pid 2>/dev/null
  if [ $((run % 10)) -eq 0 ]; then
    for model in models/*.txt; do
      [ -e "$model" ] || continue
      models=$((models + 1))
      loads "$model"
    done
    rm -f models/rnn_epoch*.txt
  elif [ -e models/rnn.txt ]; then
    models=$((models + 1))
    loads models/rnn.txt
  fi
  if [ -e models/history.csv ]; then
    tail -c 1 models/history.csv | od -An -c | grep -q '\\n' || fail "history.csv ends within a line"
  fi
done
left=$(find models -name '*.tmp' | wc -l)
strange=$(find models -name '*.tmp' | grep -vcE '/[^/]+\.[0-9a-f]{16}\.tmp$')
[ "$strange" -eq 0 ] || fail "$strange temporary files are not called FILE.<16 hexadecimal digits>.tmp"
find models -name '*.tmp' -exec touch -t 200001010000 {} +
"$rnn" data --hidden_dim 8 --epochs 1 >/dev/null || fail "the run after them"
old=$(find models -name '*.tmp' | wc -l)
[ "$old" -eq 0 ] || fail "$old old temporary files stay"
echo "kill_test: 200 kills, $models models loaded, $left temporary files left, $failures failed" >&2
[ $failures -eq 0 ] && [ $models -gt 0 ]
