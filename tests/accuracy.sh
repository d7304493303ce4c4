#!/usr/bin/env bash
# Mean and spread of the test accuracy over seeds and splits, five unless SEEDS names others, with any training options:
# SEEDS="101 102" tests/accuracy.sh --epochs 5
set -eu
models=$(mktemp -d)
trap 'rm -rf "$models"' EXIT
for s in ${SEEDS:-1 2 3 4 5}; do
  ./rnn data/ --seed "$s" --split_seed "$s" --model_dir "$models" "$@" | tail -n 1
done | awk '{ x = $7 + 0; a += x; f += $11; if (NR == 1 || x < low) low = x; if (x > high) high = x }
  END { printf "Test accuracy: mean %.1f%%, from %.1f%% to %.1f%%; macro F1: mean %.1f%%\n", a / NR, low, high, f / NR }'
