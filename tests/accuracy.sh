#!/usr/bin/env bash
# Mean and spread of the test accuracy over seeds and splits, five unless SEEDS names others, with any training options:
# SEEDS="101 102" tests/accuracy.sh --epochs 5
set -eu
export LC_ALL=C
models=$(mktemp -d)
trap 'rm -rf "$models"' EXIT
for s in ${SEEDS:-1 2 3 4 5}; do
  ./rnn data/ --seed "$s" --split_seed "$s" --model_dir "$models" "$@" >"$models/log"
  grep '^Test ' "$models/log"
done | sed 's/.*Accuracy: \([0-9.]*\)%.*F1: \([0-9.]*\)%.*/\1 \2/' | awk '
  { a += $1; f += $2; if (NR == 1 || $1 < low) low = $1; if ($1 > high) high = $1 }
  END { printf "Test accuracy: mean %.1f%%, from %.1f%% to %.1f%%; ", a / NR, low, high
        printf "macro F1: mean %.1f%%\n", f / NR }'
