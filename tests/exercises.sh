#!/usr/bin/env bash
# Part 1 of rnn.hpp is there to be changed. This makes the cell of a copy of the project a gated recurrent unit, by
# exercises/gru.patch, and checks its gradient. It trains it, tests it and lets it answer with --plain, and it sees that
# the program refuses to start without --plain. Run it from the project's folder: make exercises.
set -eu
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
  echo "exercises: $1" >&2
  exit 1
}
mkdir "$work/tests"
cp -R Makefile rnn.cpp rnn.hpp data "$work"
cp tests/*.cpp tests/*.hpp "$work/tests"
cd "$work"
patch -s -p1 <"$OLDPWD/tests/exercises/gru.patch" || fail "tests/exercises/gru.patch no longer fits rnn.hpp"

make -s gradcheck | tee gradcheck.log
for parameter in U b W Uz bz Wz Ur br Wr V c; do
  grep -qE "^$parameter +[0-9]+x[0-9]+ .* ok\$" gradcheck.log || fail "no gradient of $parameter was found right"
done

make -s rnn CXXFLAGS="-std=c++20 -O2 -pthread"
small=(small --hidden_dim 16 --model_dir models --epochs 20 --learning_rate 0.1)
mkdir small
for language in Greek Polish Japanese; do head -n 100 "data/$language.txt" >"small/$language.txt"; done
./rnn --plain "${small[@]}"
./rnn --plain --mode test small/ | grep '^Test'
./rnn --plain --mode predict --top 1 Kowalczyk Papadopoulos Tanaka
grep -q '^Wr 16 16$' models/rnn.txt || fail "the model has no Wr"
if ./rnn --help >out 2>err; then fail "without --plain the program does not refuse to start"; fi
grep -q -e --plain err || fail "the refusal does not name --plain: $(cat err)"
cat err
