#!/usr/bin/env bash
# Drives the built program: each mode once, pipes, closed streams, full disks, what it leaves, its exit status. What a
# function's test can hold is in program_test.cpp. Run from the project's folder: tests/cli_test.sh, or
# RNN=another/build/of/rnn tests/cli_test.sh. For bash 3.2 and what POSIX says of the other tools, as macOS and BusyBox
# have them.
set -u
export LC_ALL=C  # a letter is its bytes everywhere
rnn=${RNN:-$PWD/rnn}
data=$PWD/data
vectors=$PWD/tests/golden
work=$(cd "$(mktemp -d)" && pwd -P)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0
checks=0
for tool in awk cat chmod cmp cp cut find grep head ln ls mkdir paste sed seq sleep tail tr wc yes; do
  command -v $tool >/dev/null || { echo "cli_test: no $tool here" >&2; exit 1; }
done

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
  [ "$(lines <err)" -eq 1 ] || fail "not one line on standard error: $*: $(cat err)"
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

# same WHAT GOT EXPECTED: where nothing is expected, `none WHAT GOT`, so that no failed command passes.
same() { says "$1: '$2' is not '$3'" [ -n "$3" -a "$2" = "$3" ]; }
none() { says "$1: '$2'" [ -z "$2" ]; }

# How many lines standard input has; without the blanks that some write before it.
lines() { echo $(($(wc -l))); }

mkdir three
printf 'Ann\nBen\nCid\nDan\nEva\nFay\nGus\nHal\nIda\nJoe\nKim\nLee\n' >three/A.txt
printf 'Xa\nXb\nXc\nXd\nXe\nXf\nXg\nXh\nXi\nXj\nXk\nXl\n' >three/B.txt
sed 's/$/z/' three/A.txt >three/C.txt
small=(--hidden_dim 8 --epochs 3)

# Training, what it prints and what it leaves
"$rnn" three "${small[@]}" --threads 1 >train.log 2>err || fail "training three small languages: $(cat err)"
same "what training prints" "$(sed 's/[0-9][0-9.]*/N/g; s/names\{0,1\}/names/g; s/^Try: .* --mode/Try: --mode/
  s/predict [A-Z][a-z]*$/predict NAME/' train.log)" "N languages (A, B, C), N letters, N repeats ignored
N names to train on, N to validate, N to test
Epoch N/N — Loss: N — Accuracy: N% — Validation: N, N% — N s
Epoch N/N — Loss: N — Accuracy: N% — Validation: N, N% — N s
Epoch N/N — Loss: N — Accuracy: N% — Validation: N, N% — N s
Test — Loss: N — Accuracy: N% — Macro FN: N% — N names
Kept epoch N of N: models/rnn.txt, models/report.svg
Try: --mode predict NAME"
same "what it leaves" "$(ls -A models | tr '\n' ' ')" \
  "history.csv report.svg rnn.txt rnn_epoch1.txt rnn_epoch2.txt rnn_epoch3.txt "
printed='Epoch %d/3 — Loss: %.2f — Accuracy: %.1f%% — Validation: %.2f, %.1f%%\n'
same "the history is what was printed" "$(sed -n 's/ — [0-9.]* s$//p' train.log)" \
  "$(awk -F, -v printed="$printed" 'NR > 1 {printf printed, $1, $3, $4, $5, $6}' models/history.csv)"
for threads in 1 2 7; do
  "$rnn" three "${small[@]}" --batch_size=64 --threads=$threads --model_dir "m$threads" >/dev/null ||
    fail "--threads=$threads"
  says "the same model with $threads threads" cmp -s "m1/rnn_epoch3.txt" "m$threads/rnn_epoch3.txt"
done
mkdir 'a b'
"$rnn" three "${small[@]}" --model_dir 'a b' >log
try=$(sed -n 's/^Try: //p' log)
eval "$try" >out || fail "what to do next"
says "what to do next can be done" grep -q '%' out

# A run can be made again from what it leaves
"$rnn" three --hidden_dim 9 --epochs 2 --batch_size 5 --learning_rate 3e-3 --clip_norm 2.50 --momentum 0.5 --seed 7 \
  --prefix_weight 0.3 --decay none --split_seed 5 --model_dir first >/dev/null
options=$(sed -n 's/^options //p' first/rnn.txt)
same "the options" "$options" "--hidden_dim 9 --epochs 2 --batch_size 5 --learning_rate 0.003 --clip_norm 2.5 \
--momentum 0.5 --prefix_weight 0.3 --decay none --seed 7 --split_seed 5"
# shellcheck disable=SC2086
"$rnn" three $options --model_dir second >/dev/null
says "the same model again" cmp -s first/rnn_epoch2.txt second/rnn_epoch2.txt

# Two runs at once in one folder: the later one takes it, and the earlier one ends
"$rnn" three --hidden_dim 1024 --batch_size 1 --epochs 1000000 --model_dir both >both1 2>both2 &
until grep -q '^Epoch 2' both1; do sleep 0.1; done
"$rnn" three --hidden_dim 8 --epochs 2 --model_dir both >/dev/null 2>err
same "the later of two runs at once" "$?, $(cat err)" "0, "
wait $!
same "the earlier" "$?, $(cat both2)" \
  "1, rnn: both/history.csv: another run has changed it, so this run ends; give each its own --model_dir"
same "whose model is kept" "$(grep '^hidden ' both/rnn.txt), $(lines <both/history.csv)" "hidden 8, 3"

# Test mode: the line that training printed, and its tables
"$rnn" --mode test three >test.log || fail "--mode test"
same "the test line" "$(grep '^Test' test.log)" "$(grep '^Test' train.log)"
headings='^(0 repeats ignored|    Language  Precision|Confusion: |Worst confusions:$)'
same "its headings" "$(grep -cE "$headings" test.log)" 4
same "names that are not answered" "$(tail -n 1 test.log)" \
  "These are the names of the test part; --part all takes all 36."

# A list of names to standard output, all else to standard error
"$rnn" --mode test three --part all >all.log || fail "--part all"
"$rnn" --mode test three --part all --list all >all.list 2>all.err || fail "--list all"
"$rnn" --mode test three --part all --list wrong >wrong.list 2>/dev/null || fail "--list wrong"
same "the names of the list" "$(cut -f1 all.list)" "$(cat three/A.txt three/B.txt three/C.txt)"
same "the wrong ones of it" "$(cat wrong.list)" "$(awk -F '\t' '$2 != $3' all.list)"
same "the test line beside it" "$(cat all.err)" "$(head -n 1 all.log)"

# Predict
same "lines of predict" "$("$rnn" --mode predict --top 2 ANN Xa | lines)" 7
printf 'Ann\r\n\n  Xa \nA\tB\nЖ\n\377\nDan' >lines
"$rnn" --mode predict <lines >answers 2>err
same "status with bad lines" $? 1
same "answers" "$(tr '\t' ' ' <answers | sed 's/ [ABC] [01]\.[0-9]\{6\}$/ ANSWER/')" \
  "$(printf 'Ann ANSWER\n\n  Xa  ANSWER\n? ? 0\nЖ ? 0\n? ? 0\nDan ANSWER')"
same "bad lines, and letters never seen" "$(sed 's/input:\([0-9]*\): .*/\1/' err)" "rnn: standard 4
rnn: standard 6
rnn: 1 line has letters never seen in training: U+0416 (1)"
same "status with a single bad line" "$(printf 'A\tB\n' | "$rnn" --mode predict >out 2>err; echo $?)" 1
echo Ж | "$rnn" --mode predict --top 2 >out 2>/dev/null
same "two languages, of a name that has no answer" "$?, $(cat out)" "0, $(printf 'Ж\t?\t0\t?\t0')"
(head -c 20000 /dev/zero | tr '\0' x; echo; echo Ann; head -c 9000 /dev/zero | tr '\0' x) >long
same "overlong lines lose no other" "$("$rnn" --mode predict <long 2>err | cut -f1 | tr '\n' ' ')" "? Ann ? "
same "and are named" "$(head -n 1 err)" "rnn: standard input:1: a line of more than 8000 bytes"
for k in $(seq 25); do printf '\377\n'; done | "$rnn" --mode predict >out 2>err
same "of 25 refused lines ten are named, and how many more" "$(sed -n '1p;10p;11p;12p' err | cut -d: -f2-3)" \
  "$(printf ' standard input:1\n standard input:10\n standard input: 15 more lines refused')"
closed_pipe() {  # the filter's status when what it writes to ends, before its million names do
  yes Ann 2>/dev/null | head -n 1000000 2>/dev/null | "$rnn" --mode predict 2>err | head -n 3 >/dev/null
  echo "${PIPESTATUS[2]}"
}
same "a closed pipe ends it" "$(closed_pipe)" 141
same "and without its signal too, quietly" "$(trap '' PIPE; closed_pipe; cat err)" 1
wait_for_answer() { for try in $(seq 100); do [ -s answer ] && echo yes >came && break; sleep 0.05; done; }
(echo Ann; wait_for_answer) | "$rnn" --mode predict >answer
same "an answer comes while the input is open" "$(cat came)" yes
seq 40000 >numbers
for threads in 1 2; do "$rnn" --mode predict --threads $threads <numbers >"p$threads" 2>"e$threads"; done
says "answers do not depend on the threads" cmp -s p1 p2
says "answers in order" cmp -s numbers <(cut -f1 p1)
if command -v parallel >/dev/null; then  # GNU parallel: the README's line gives what one process gives
  seq 40000 | parallel -q --pipe --keep-order --block 20k "$rnn" --mode predict >pp 2>/dev/null
  says "answers under GNU parallel" cmp -s p1 pp
else
  echo "cli_test: no GNU parallel here, so the filter was not run under it" >&2
fi

# Trace, explore, help
"$rnn" --mode trace AnжZ >trace.log || fail "trace"
same "trace has a row for each letter and the end" "$(grep -cE '^(A|n|ж|Z|\$)[ ?] ' trace.log)" 5
"$rnn" --mode trace Ж >trace.unknown || fail "trace of a name without a known letter"
says "trace has no answer for it" grep -q '^There is no answer, since none of its letters is known\.$' trace.unknown
says "trace has one otherwise" grep -q ' The answer is [ABC]\.$' trace.log
"$rnn" --mode explore three >explore.log || fail "explore"
says "explore" grep -q '^36 names, 36 different' explore.log
same "--help and -h" "$("$rnn" --help)" "$("$rnn" -h)"
same "help between other words" "$("$rnn" nowhere --epochs 3 -h | head -n 1)" "$("$rnn" -h | head -n 1)"
same "a name that looks like an option" "$("$rnn" --mode predict -- -h | head -n 1)" -h

# Input that can't be read, output that can't be written
"$rnn" --mode predict <. 2>err >out
same "input that is a folder" "$?, $(cat err)" "1, rnn: standard input: Is a directory"
if [ -e /dev/full ]; then
  echo Ann | "$rnn" --mode predict >/dev/full 2>err
  same "status on a full device" "$?, $(cat err)" "1, rnn: standard output: No space left on device"
  "$rnn" --help >/dev/full 2>err
  same "help on a full device" "$?, $(cat err)" "1, rnn: standard output: No space left on device"
fi

# A refusal of each kind; all of them are in program_test.cpp
cp models/rnn.txt kept
refuses 2 'mode train has no option --epoch; it takes .*--epochs' --epoch 3
refuses 2 'an empty name' --mode predict ''
refuses 2 'malformed UTF-8' --mode predict "$(printf 'a\377')"
refuses 1 'nowhere: No such file or directory; .*--mode predict' nowhere
refuses 1 "^rnn: nomodel: no such file in $work; train first" --mode test --model_path nomodel three
head -c 300 kept >cut
refuses 1 'cut:[0-9]+: ' --mode predict --model_path cut Ann
refuses 1 'zero:1: a line of more than' --mode predict --model_path /dev/zero Ann
cp -r three upper
touch upper/D.TXT
"$rnn" --mode explore upper >out 2>err || fail "a list in .TXT beside others"
same "what is said of it" "$(cat err)" "rnn: upper/D.TXT: rename it D.txt; it was passed over"
mkdir line endless unreadable
printf '\377' >line/$'B\nC\033.txt'
refuses 1 'line/B\?C\?.txt:1: malformed' line
ln -s /dev/zero endless/B.txt
refuses 1 'endless/B.txt:1: a line of more than' endless
cp three/B.txt unreadable
chmod 0 unreadable/B.txt
if cat unreadable/B.txt >/dev/null 2>&1; then
  echo "cli_test: this user reads everything, so that no file was refused for it" >&2
else
  refuses 1 'B.txt: Permission denied' unreadable
fi
: >file
refuses 1 'file/models: .*; name another folder with --model_dir' three --model_dir file/models
says "refusals leave the model as it was" cmp -s models/rnn.txt kept

# A full disk leaves what was there
(
  trap '' XFSZ
  ulimit -f 1
  "$rnn" three --hidden_dim 64 --epochs 1 --model_dir models >/dev/null 2>err
)
same "status on a full disk" $? 1
says "it says which file" grep -q 'models/rnn.txt: File too large' err
says "a full disk leaves the model whole" cmp -s models/rnn.txt kept
none "and no temporary file" "$(find models -name '*.tmp')"

# The real data, and the yardstick of ports: whole.txt, within the tolerances of its page
numbers_of() { sed -n "/^$1 /,/^[a-z]/{/^[0-9]/p;}" "$vectors/whole.txt"; }
# near WHAT COUNT TOLERANCES...: standard input has COUNT lines, of which each holds theirs and then ours
near() {
  local what=$1 count=$2 good
  shift 2
  good=$(awk -v by="$*" '{
      n = split(by, most, " "); off_limits = 0
      for (i = 1; i <= n; i++) { off = $i - $(i + n); off_limits += off > most[i] || -off > most[i] }
      good += off_limits == 0
    } END { print good + 0 }')
  same "$what" "$good" "$count"
}
figures() { sed 1d "$1/history.csv" | cut -d, -f3-6 | tr , ' '; }
"$rnn" "$data" --batch_size 2048 --epochs 4 --model_dir whole >whole.log || fail "four epochs of large batches"
same "the parts of whole.txt" "$(head -n 2 whole.log | tr -cs '0-9\n' ' ' | tr '\n' ' ' | sed 's/ *$//;s/  */ /g')" \
  "$(numbers_of sizes)"
paste -d ' ' <(numbers_of four_epochs) <(figures whole) >pairs
near "four epochs within whole.txt" 4 1.1e-5 0.02 1.1e-5 0.1 <pairs
"$rnn" "$data" --model_dir real >real.log || fail "training on data/"
paste -d ' ' <(numbers_of ten_epochs) <(figures real) >pairs
near "ten epochs within whole.txt" 10 1e-3 0.1 1e-3 0.4 <pairs
printed=$(sed -n 's/^Test — Loss: \(.*\) — Accuracy: \(.*\)% — Macro F1: \(.*\)% — .*/\1 \2 \3/p' real.log)
near "their test, which is rounded, within whole.txt" 1 6e-3 0.45 1.05 <<<"$(numbers_of test) $printed"
"$rnn" --mode test "$data" --model_path real/rnn.txt >real.test || fail "test mode on data/"
same "the test line of data/" "$(grep '^Test' real.test)" "$(grep '^Test' real.log)"
same "the worst confusions" "$(sed '1,/^Worst confusions:$/d' real.test | grep -c ' taken for ')" 10
widest() { tr -d '\200-\277' | awk 'length > w { w = length } END { print w + 0 }'; }  # a letter's first byte counts
says "training fits 80 columns" [ "$(grep -v '^Try: ' real.log | widest)" -le 80 ]
says "test mode fits 120" [ "$(widest <real.test)" -le 120 ]
same "no language of ours is cut" "$(grep -c … real.test)" 0

# Each line of code that README.md shows is one of rnn.hpp or of the example
shown() { sed -n '/^```cpp$/,/^```$/p' "$vectors/../../README.md" | grep -v '^```'; }
same "lines of README.md in the source" "$(shown | while IFS= read -r line; do
  grep -qxF -- "$line" "$vectors/../../rnn.hpp" "$vectors/../example_test.cpp" && echo found; done | lines)" \
  "$(shown | lines)"
says "README.md shows code" [ "$(shown | lines)" -ge 8 ]

# Standard streams that are closed at the start
cp models/rnn.txt kept
"$rnn" three "${small[@]}" --model_dir closed >&- 2>err
same "a closed standard output" "$?, $(cat err)" "1, rnn: standard output: Bad file descriptor"
none "is not taken for a file" "$(ls -A closed)"
"$rnn" three "${small[@]}" --model_dir closed 2>&- >out
same "a closed standard error" $? 0
says "does not matter" cmp -s closed/rnn_epoch3.txt models/rnn_epoch3.txt
same "and nothing goes into a file" "$(cat closed/*.txt closed/history.csv | grep -c Epoch)" 0
"$rnn" --mode predict <&- >out 2>err
same "a closed standard input" "$?, $(cat out err)" "1, rnn: standard input: Bad file descriptor"
"$rnn" --mode predict Ann <&- 2>&- >out
same "names need no input" "$?, $(head -n 1 out)" "0, Ann"
"$rnn" --help <&- >&- 2>&-
same "all closed" $? 1

# tests/accuracy.sh takes a folder, and fails with a sentence where there is no ./rnn
mkdir elsewhere && cd elsewhere || exit 1
bash "$vectors/../accuracy.sh" >../out 2>../err
same "accuracy.sh without a program" "$?, $(cat ../out ../err)" \
  "1, accuracy.sh: no ./rnn here: run make, and this in the project's folder"
ln -s "$rnn" rnn
DATA=../three SEEDS="1 2" bash "$vectors/../accuracy.sh" "${small[@]}" >../out 2>../err
same "accuracy.sh of a folder" "$?, $(sed 's/[0-9][0-9.]*%/N/g' ../out)" \
  "0, Test accuracy: mean N, from N to N; macro F1: mean N"
DATA=../nowhere bash "$vectors/../accuracy.sh" >../out 2>../err
same "and of none" "$?, $(cat ../out)" "1, "
cd .. || exit 1

echo "cli_test: $checks checks, $failures failed" >&2
[ $failures -eq 0 ]
