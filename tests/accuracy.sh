#!/usr/bin/env bash
# Mean and spread of the test accuracy over seeds and splits, five unless SEEDS names others, of the folder data/ unless
# DATA names another, with any training options: DATA=mine SEEDS="101 102" tests/accuracy.sh --epochs 5
set -euo pipefail
export LC_ALL=C
if [ ! -x ./rnn ]; then
  echo "accuracy.sh: no ./rnn here: run make, and this in the project's folder" >&2
  exit 1
fi
models=$(mktemp -d)
trap 'rm -rf "$models"' EXIT
for s in ${SEEDS:-1 2 3 4 5}; do
  ./rnn "${DATA:-data/}" --seed "$s" --split_seed "$s" --model_dir "$models" "$@" >"$models/log"
  grep '^Test ' "$models/log"
done | sed 's/.*Accuracy: \([0-9.]*\)%.*F1: \([0-9.]*\)%.*/\1 \2/' | awk '
  { a += $1; f += $2; if (NR == 1 || $1 < low) low = $1; if ($1 > high) high = $1 }
  END { if (NR == 0) exit 1
        printf "Test accuracy: mean %.1f%%, from %.1f%% to %.1f%%; ", a / NR, low, high
        printf "macro F1: mean %.1f%%\n", f / NR }'
