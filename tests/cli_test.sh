#!/usr/bin/env bash
# Drives the built program through every mode and every refusal. Run from the project's folder: tests/cli_test.sh, or
# RNN=another/build/of/rnn tests/cli_test.sh
set -u
rnn=${RNN:-$PWD/rnn}
data=$PWD/data
vectors=$PWD/tests/golden
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0
checks=0

fail() {
  failures=$((failures + 1))
  echo "cli_test: $1" >&2
}

# refuses STATUS PATTERN ARGUMENTS...: the status, one line on standard error that matches, nothing on standard output.
refuses() {
  local status=$1 pattern=$2 got
  shift 2
  checks=$((checks + 1))
  "$rnn" "$@" >out 2>err </dev/null
  got=$?
  [ $got -eq "$status" ] || fail "status $got, not $status: $*"
  [ "$(wc -l <err)" -eq 1 ] || fail "not one line on standard error: $*: $(cat err)"
  grep -qE -- "$pattern" err || fail "expected '$pattern' of: $*: $(cat err)"
  [ -s out ] && fail "something on standard output: $*"
}

# says WHAT COMMAND...: the command succeeds.
says() {
  checks=$((checks + 1))
  local what=$1
  shift
  "$@" || fail "$what"
}

same() { says "$1: '$2' is not '$3'" [ "$2" = "$3" ]; }

mkdir three
printf 'Ann\nBen\nCid\nDan\nEva\nFay\nGus\nHal\nIda\nJoe\nKim\nLee\n' >three/A.txt
printf 'Xa\nXb\nXc\nXd\nXe\nXf\nXg\nXh\nXi\nXj\nXk\nXl\n' >three/B.txt
sed 's/$/z/' three/A.txt >three/C.txt
small=(--hidden_dim 8 --epochs 3)

# Training, what it prints and what it leaves
"$rnn" three "${small[@]}" --threads 1 >train.log 2>err || fail "training three small languages: $(cat err)"
says "three epoch lines" [ "$(grep -cE '^Epoch [1-3]/3 — Loss: [0-9.]+ — Accuracy: [0-9.]+% — Validation loss: [0-9.–]+ — Validation accuracy: [0-9.–]+%? — [0-9.]+ s$' train.log)" -eq 3 ]
says "a test line" grep -qE '^Test — Loss: [0-9.]+ — Accuracy: [0-9.]+% — Macro F1: [0-9.]+%$' train.log
for file in rnn_epoch1.txt rnn_epoch2.txt rnn_epoch3.txt rnn.txt history.csv report.svg; do
  says "models/$file is there" [ -s "models/$file" ]
done
says "no temporary file stays" [ -z "$(find models -name '*.tmp')" ]
same "first line of history.csv" "$(head -n 1 models/history.csv)" \
  "epoch,learning_rate,loss,accuracy,validation_loss,validation_accuracy,seconds"
same "lines of history.csv" "$(wc -l <models/history.csv)" 4
for threads in 2 7; do
  "$rnn" three "${small[@]}" --batch_size 64 --threads $threads --model_dir "m$threads" >/dev/null || fail "--threads $threads"
done
"$rnn" three "${small[@]}" --batch_size=64 --threads=1 --model_dir m1 >/dev/null || fail "--threads=1"
for threads in 2 7; do
  for file in rnn.txt rnn_epoch1.txt rnn_epoch3.txt; do
    says "the same $file with $threads threads" cmp -s "m1/$file" "m$threads/$file"
  done
done
"$rnn" three "${small[@]}" --seed 2 --model_dir other >/dev/null
says "another seed makes another model" [ "$(md5sum <models/rnn.txt)" != "$(md5sum <other/rnn.txt)" ]

# Test mode prints the line that training printed
"$rnn" --mode test three >test.log || fail "--mode test"
same "the test line" "$(grep '^Test' test.log)" "$(grep '^Test' train.log)"
says "the confusion matrix" grep -q '^Confusion' test.log
says "the worst confusions" grep -q '^Worst confusions' test.log
mkdir two && cp three/A.txt three/C.txt two
says "a language without a file has support 0" sh -c "'$rnn' --mode test two | grep -qE '^  2 B .* – .* 0$'"
mkdir alien && cp three/*.txt alien && cp three/A.txt alien/Alien.txt
refuses 1 'Alien is no language of the model' --mode test alien

# Predict
"$rnn" --mode predict --top 2 Ann Xa >predict.log || fail "predict"
same "lines of predict" "$(wc -l <predict.log)" 7
printf 'Ann\r\n\n  Xa \nA\tB\nЖ\n\377\nlast' >lines
"$rnn" --mode predict <lines >answers 2>err
same "status with bad lines" $? 1
same "lines of answers" "$(wc -l <answers)" 7
same "a blank line comes back" "$(sed -n 2p answers)" ""
says "the name as it was read" grep -qP '^  Xa \t[ABC]\t[01]\.\d{6}$' answers
same "a TAB" "$(sed -n 4p answers)" "$(printf '?\t?\t0')"
same "malformed UTF-8" "$(sed -n 6p answers)" "$(printf '?\t?\t0')"
says "a letter never seen has an answer" grep -qP '^Ж\t[ABC]\t' answers
same "bad lines by number" "$(grep -oE 'input:[0-9]+' err | tr '\n' ' ')" "input:4 input:6 "
head -c 20000 /dev/zero | tr '\0' x >long
echo >>long
echo Ann >>long
same "an overlong line loses no other" "$("$rnn" --mode predict <long 2>/dev/null | tail -n 1 | cut -f1)" Ann
says "a closed pipe ends it" sh -c "yes Ann | timeout 20 '$rnn' --mode predict | head -n 3 >/dev/null"
says "an answer comes while the input is open" sh -c "(echo Ann; sleep 3) | '$rnn' --mode predict | (timeout 2 head -n 1 | grep -q Ann)"
for threads in 1 2; do seq 20000 | "$rnn" --mode predict --threads $threads >"p$threads"; done
says "answers do not depend on the threads" cmp -s p1 p2

if command -v parallel >/dev/null; then  # GNU parallel: the README's line gives what one process gives
  seq 20000 | parallel --pipe --keep-order --block 20k "$rnn" --mode predict >pp 2>/dev/null
  says "answers under GNU parallel" cmp -s p1 pp
else
  echo "cli_test: no GNU parallel here, so the filter was not run under it" >&2
fi

# Trace, explore, gradcheck, help
same "trace has a row for each letter and the end" "$("$rnn" --mode trace Anж | grep -cE '^(A|n|ж|\$).*%')" 4
says "explore" sh -c "'$rnn' --mode explore three | grep -q '36 names, 36 different'"
says "gradcheck" sh -c "'$rnn' --mode gradcheck three --seed 5 | grep -c ok | grep -q 5"
says "help fits a screen" sh -c "'$rnn' --help | awk 'length > 80 {wide = 1} END {exit wide || NR > 50}'"

# A byte order mark, input that can't be read, output that can't be written, numbers that overflow
same "a byte order mark changes no answer" "$(printf '\357\273\277Ann\n' | "$rnn" --mode predict | cut -f2-)" \
  "$(echo Ann | "$rnn" --mode predict | cut -f2-)"
"$rnn" --mode predict <. 2>err >out
same "status when input is a folder" $? 1
same "what it says" "$(cat err)" "rnn: standard input: Is a directory"
if [ -e /dev/full ]; then
  echo Ann | "$rnn" --mode predict >/dev/full 2>err
  same "status on a full device" "$(cat err)" "rnn: standard output: No space left on device"
fi
awk '/^[UbWVc] [0-9]+ [0-9]+$/ {x = $1 == "W" ? "-3e38" : "3e38"; n = $2; print; next}
  n-- > 0 {for (k = 1; k <= NF; k++) $k = x} {print}' models/rnn.txt >overflowing
refuses 1 'too large to compute with' --mode predict --model_path overflowing Ann
refuses 1 'too large to compute with' --mode trace --model_path overflowing Ann

# The command line
refuses 2 'no option --epoch; the nearest is --epochs' --epoch 3
refuses 2 'nearest is predict' --mode predikt
refuses 2 'value is missing' --epochs
refuses 2 '--epochs 0: should be a whole number, 1 to' --epochs 0
refuses 2 '--hidden_dim x' --hidden_dim x
refuses 2 '--hidden_dim 4097' --hidden_dim 4097
refuses 2 '--epochs -1' --epochs -1
refuses 2 '--epochs 1.5' --epochs 1.5
refuses 2 '--seed 18446744073709551616' --seed 18446744073709551616
refuses 2 '--learning_rate nan' --learning_rate nan
refuses 2 '--learning_rate inf' --learning_rate inf
refuses 2 '--learning_rate 0: ' --learning_rate 0
refuses 2 '--learning_rate 0x1' --learning_rate 0x1
refuses 2 '--momentum 1: ' --momentum 1
refuses 2 '--prefix_weight 1.1' --prefix_weight=1.1
refuses 2 '--decay sudden' --decay sudden
refuses 2 '--threads 0' --threads 0
refuses 2 'model_dir: .*empty|empty' --model_dir ''
refuses 2 'means nothing to mode test' --mode test --epochs 3
refuses 2 'one folder' three two
refuses 2 'one folder' --data_dir two three
refuses 2 'no option -e' -e
refuses 2 'follows one name' --mode trace
refuses 2 'an empty name' --mode predict ''
refuses 2 'malformed UTF-8' --mode predict "$(printf 'a\377')"

# Data
refuses 1 'nowhere: No such file' nowhere
mkdir none && refuses 1 'no \*.txt in it' none
mkdir one && cp three/A.txt one && refuses 1 'one language alone' one
refuses 1 'one language alone' --mode gradcheck one
mkdir empty && cp three/A.txt empty && : >empty/B.txt && refuses 1 'empty/B.txt: no name in it' empty
mkdir bad && cp three/A.txt bad && printf 'Ok\n\377\n' >bad/B.txt && refuses 1 'bad/B.txt:2: malformed UTF-8' bad
mkdir space && cp three/A.txt space && cp three/B.txt 'space/B C.txt' && refuses 1 'without white space' space
mkdir long1 && cp three/A.txt long1 && (echo Ok; head -c 1001 /dev/zero | tr '\0' x) >long1/B.txt &&
  refuses 1 'long1/B.txt:2: a name of more than 1000 letters' long1
mkdir endless && cp three/A.txt endless && ln -s /dev/zero endless/B.txt && refuses 1 'endless/B.txt:1: a line of more than' endless
mkdir folder folder/B.txt && cp three/A.txt folder && refuses 1 'folder/B.txt: a folder' folder
mkdir untrained && cp three/A.txt untrained
for name in a b c d e f g h i j k l m n o p q r s t u v w x y z; do  # a name that is not for training
  echo "$name" >untrained/B.txt
  "$rnn" untrained --epochs 1 --hidden_dim 1 --model_dir scratch >/dev/null 2>&1 || break
done
refuses 1 'B has no name to train on' untrained
mkdir circle && cp three/A.txt circle && ln -s B.txt circle/B.txt && refuses 1 'circle/B.txt: Too many levels' circle
if [ "$(id -u)" -ne 0 ]; then  # root reads everything
  mkdir unreadable && cp three/*.txt unreadable && chmod 0 unreadable/B.txt && refuses 1 'B.txt: Permission denied' unreadable
fi

# Models and where they go
cp models/rnn.txt kept
refuses 1 'no such file; train first' --mode test --model_path nomodel three
refuses 1 'a folder' --mode predict --model_path models Ann
head -c 300 kept >cut && refuses 1 'cut:[0-9]+: ' --mode predict --model_path cut Ann
sed 's/^W 8 8/W 8 9/' kept >altered && refuses 1 'altered:[0-9]+: expected .W 8 8' --mode predict --model_path altered Ann
refuses 1 'zero:1: a line of more than' --mode predict --model_path /dev/zero Ann
: >file
refuses 1 'file' three --model_dir file
refuses 1 'file/models' three --model_dir file/models
mkdir -p taken/rnn.txt && refuses 1 'taken/rnn.txt: a folder' three --model_dir taken
says "refusals leave the model as it was" cmp -s models/rnn.txt kept

# A run that diverges says so; a full disk leaves what was there
"$rnn" three "${small[@]}" --learning_rate 1e38 --clip_norm 1e38 --decay none --model_dir diverged >out 2>err
same "status of a run that diverges" $? 1
"$rnn" three --epochs 1 --hidden_dim 8 --batch_size 100000 --learning_rate 3e38 --momentum 0 --model_dir models >out 2>err
same "status of a run whose last step overflows" $? 1
says "it leaves the model as it was" cmp -s models/rnn.txt kept
says "it names the epoch and what to lower" grep -qE 'diverged in epoch [0-9]+.*--learning_rate' err
(
  trap '' XFSZ
  ulimit -f 1
  "$rnn" three --hidden_dim 64 --epochs 1 --model_dir models >/dev/null 2>err
)
same "status on a full disk" $? 1
says "it says which file" grep -q 'File too large' err
says "a full disk leaves the model whole" cmp -s models/rnn.txt kept

# The files of tests/golden/data.txt: languages, letters and parts as they stand there
mkdir golden
sed -n '/^files /,/^languages /{s/^\([0-9a-f]*\) \([0-9a-f]*\)$/\1 \2/p}' "$vectors/data.txt" | while read -r name bytes; do
  printf "$(sed 's/../\\x&/g' <<<"$bytes")" >"golden/$(printf "$(sed 's/../\\x&/g' <<<"$name")")"
done
rows() { sed -n "s/^$1 \([0-9]*\) .*/\1/p" "$vectors/data.txt"; }
block() { sed -n "/^$1 /,/^[a-z.0-9]* [0-9]* [0-9]*\$/p" "$vectors/data.txt" | sed '1d;$d'; }
"$rnn" golden --epochs 1 --split_seed "$(sed -n 2p "$vectors/data.txt")" --model_dir golden_models >golden.log || fail "golden data"
same "what data.txt holds" "$(sed -n 1p golden.log | grep -oE '^.* to test')" \
  "$(rows languages) languages, $(rows alphabet) letters, $(rows training) names to train on, $(rows validation) to validate, $(rows test) to test"
same "letters of data.txt" "$(grep '^U+' golden_models/rnn.txt)" "$(block alphabet)"
same "languages of data.txt" "$(sed -n "5,$(($(rows languages) + 4))p" golden_models/rnn.txt | od -An -v -tx1 | tr -d ' \n')" \
  "$(block languages | sed 's/$/0a/' | tr -d '\n')"

# The real data, once, with few epochs
"$rnn" "$data" --epochs 1 --model_dir real >real.log || fail "training on data/"
"$rnn" --mode test "$data" --model_path real/rnn.txt >real.test
same "the test line of data/" "$(grep '^Test' real.test)" "$(grep '^Test' real.log)"
same "columns of the tables" "$([ "$(LC_ALL=C.UTF-8 wc -L <real.test)" -le 120 ] && echo fit)" fit

echo "cli_test: $checks checks, $failures failed" >&2
[ $failures -eq 0 ]
