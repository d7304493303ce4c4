#!/usr/bin/env bash
# A run killed at any moment leaves only whole models, and the next run is not hindered: kills at random times.
# (program_test.cpp looks before and after every system call of a run, where the system lets it.) What killed runs left
# unfinished is removed when it is an hour old.
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
had=
kills=50
for run in $(seq $kills); do
  "$rnn" data --hidden_dim 128 --epochs 1000 --threads 1 --seed "$run" >/dev/null &
  pid=$!
  sleep "0.0$((RANDOM % 6))$((RANDOM % 10))"
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
  [ -e models/rnn.txt ] && had=yes
  [ -z "$had" ] || [ -e models/rnn.txt ] || fail "rnn.txt is gone"
  [ "$(cat models/*.txt 2>/dev/null | grep '^options ' | sort -u | wc -l)" -le 1 ] || fail "models of two runs"
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

if sh -c 'kill -INT $$'; then  # as under nohup, or beside a script: what is ignored at the start stays so
  echo "kill_test: $kills kills, $failures failed; SIGINT is ignored here, so that no run was interrupted" >&2
  [ $failures -eq 0 ] && [ $models -gt 0 ]
  exit
fi

# Interrupted (Ctrl-C sends SIGINT) in the first, a middle and the last epoch: what is kept is tested, drawn and said.
# set -m: else a shell starts what runs beside it with SIGINT ignored.
set -m
mkdir more
for language in A B C; do
  for a in 1 2 3 4 5 6 7 8 9 0; do sed "s/^/$a/;s/$/abc/" data/$language.txt; done >more/$language.txt
done
names_of() { ls "$1" | tr '\n' ' '; }
said() { grep -v '█' err; }  # without the bar that an epoch of more than two seconds has, on a busy machine
# interrupt SIGNALS EPOCHS DIR: starts a run, and sends it the signals after so many epochs
interrupt() {
  : >log  # an earlier run's lines must not be taken for this one's
  "$rnn" more --hidden_dim 640 --batch_size 1 --epochs 4 --threads 1 --model_dir "$3" >log 2>err &
  pid=$!
  until grep -q 'to train on' log && [ "$(grep -c '^Epoch' log)" -ge "$2" ]; do sleep 0.02; done
  for signal in $1; do kill "-$signal" $pid; done
  wait $pid
  status=$?
}
for epochs in 1 2 3; do
  interrupt INT $epochs cut
  [ $status -eq 130 ] || fail "status $status after $epochs epochs"
  grep -q "^Interrupted in epoch $((epochs + 1)) of 4\$" log || fail "not interrupted in epoch $((epochs + 1))"
  grep -q '^Test — .* names' log || fail "no test line after $epochs epochs"
  grep -q '^Kept epoch [1-3] of 4: cut/rnn.txt, cut/report.svg$' log || fail "nothing kept after $epochs epochs"
  [ "$(wc -l <cut/history.csv)" -eq $((epochs + 1)) ] || fail "history of $epochs epochs"
  expected="history.csv report.svg rnn.txt "
  for epoch in $(seq $epochs); do expected+="rnn_epoch$epoch.txt "; done
  [ "$(names_of cut)" = "$expected" ] || fail "after $epochs epochs: $(names_of cut)"
  [ -z "$(said)" ] || fail "on standard error: $(said)"
done
before=$(cat cut/* | cksum)
for signals in INT TERM "INT INT" "TERM INT"; do
  interrupt "$signals" 0 cut
  [ $status -eq 130 ] || fail "status $status of $signals in the first epoch"
  [ "$before" = "$(cat cut/* | cksum)" ] || fail "$signals in the first epoch changed a file"
done
interrupt INT 0 cut
[ "$(said)" = "rnn: interrupted in epoch 1 of 4: nothing was changed" ] || fail "first epoch: $(said)"
[ "$(grep -c . log)" -eq 2 ] || fail "a first epoch says more than what it trains on"
interrupt "INT INT" 1 twice
[ $status -eq 130 ] || fail "status $status of two signals"
(trap '' INT && interrupt INT 1 ignored && [ $status -eq 0 ] && grep -q '^Kept epoch' log) || fail "SIGINT ignored"
: >log
"$rnn" more --hidden_dim 640 --batch_size 1 --epochs 4 --threads 1 --model_dir closed >log 2>&- &
until grep -q '^Epoch 1' log; do sleep 0.02; done
kill -INT $!
wait $!
status=$?
{ [ $status -eq 130 ] && grep -q '^Kept epoch 1 of 4' log; } || fail "status $status with standard error closed"

# A bar shows how far an epoch is that takes long, as here, where the run is stopped for a while. Between two epochs
# that would show none, so it is tried again.
set +m
"$rnn" more --hidden_dim 640 --batch_size 1 --epochs 100000 --threads 1 --model_dir slow >log 2>err &
until grep -q '^Epoch 1' log; do sleep 0.02; done
for try in 1 2 3 4 5; do
  kill -STOP $!
  sleep 2.1
  kill -CONT $!
  sleep 0.5
  grep -q '█' err && break
done
kill -9 $!
wait $! 2>/dev/null
grep -q '█' err || fail "no bar of a slow epoch"

echo "kill_test: $kills kills, $models models loaded, $left temporary files left, $failures failed" >&2
[ $failures -eq 0 ] && [ $models -gt 0 ]
