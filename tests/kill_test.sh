#!/usr/bin/env bash
# A run killed at any moment leaves only whole models, and the next run is not hindered: 200 kills at random times.
# Run from the project's folder: tests/kill_test.sh
set -u
rnn=${RNN:-$PWD/rnn}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
mkdir data
printf 'Ann\nBen\nCid\nDan\nEva\nFay\nGus\nHal\nIda\nJoe\nKim\nLee\n' >data/A.txt
sed 's/^/X/' data/A.txt >data/B.txt
sed 's/$/z/' data/A.txt >data/C.txt
failures=0
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
      "$rnn" --mode predict --model_path "$model" Ann >/dev/null || failures=$((failures + 1))
    done
    rm -f models/rnn_epoch*
  elif [ -e models/rnn.txt ]; then
    models=$((models + 1))
    "$rnn" --mode predict Ann >/dev/null || failures=$((failures + 1))
  fi
  if [ -e models/history.csv ]; then
    tail -c 1 models/history.csv | od -An -c | grep -q '\\n' || failures=$((failures + 1))
  fi
done
"$rnn" data --hidden_dim 8 --epochs 1 >/dev/null || failures=$((failures + 1))
if ls models/*.tmp >/dev/null 2>&1; then left=$(ls models/*.tmp | wc -l); else left=0; fi
echo "kill_test: 200 kills, $models models loaded, $failures failed; $left temporary files of killed runs left" >&2
[ $failures -eq 0 ] && [ $models -gt 0 ]
