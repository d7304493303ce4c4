#!/usr/bin/env bash
# Drives the built program through every mode and every refusal. Run from the project's folder: tests/cli_test.sh, or
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
for tool in awk cat chmod cmp cp cut find grep head ln ls mkdir od paste sed seq sort tail touch tr uniq wc yes; do
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

# fits WHAT COLUMNS LINES FILE: no line is wider, and there are as many lines or more. A letter's first byte counts.
fits() {
  local widest
  widest=$(tr -d '\200-\277' <"$4" | awk 'length > w { w = length } END { print w + 0 }')
  says "$1 fits $2 columns, not $widest" [ "$widest" -le "$2" ]
  says "$1 has $3 lines" [ "$(lines <"$4")" -ge "$3" ]
}

mkdir three
printf 'Ann\nBen\nCid\nDan\nEva\nFay\nGus\nHal\nIda\nJoe\nKim\nLee\n' >three/A.txt
printf 'Xa\nXb\nXc\nXd\nXe\nXf\nXg\nXh\nXi\nXj\nXk\nXl\n' >three/B.txt
sed 's/$/z/' three/A.txt >three/C.txt
small=(--hidden_dim 8 --epochs 3)

# Training, what it prints and what it leaves
"$rnn" three "${small[@]}" --threads 1 >train.log 2>err || fail "training three small languages: $(cat err)"
names='[0-9]+ names? to train on, [0-9]+ to validate, [0-9]+ to test'
says "what is trained on" grep -qE "^3 languages \(A, B, C\), 2[0-9] letters, 0 repeats ignored$" train.log
says "how many names" grep -qE "^$names$" train.log
same "epoch lines" 3 "$(grep -cE \
  '^Epoch [1-3]/3 — Loss: [0-9.]+ — Accuracy: [0-9.]+% — Validation: [0-9.]+, [0-9.]+% — [0-9.]+ s$' train.log)"
says "a test line" \
  grep -qE '^Test — Loss: [0-9.]+ — Accuracy: [0-9.]+% — Macro F1: [0-9.]+% — [0-9]+ names?$' train.log
says "what was kept" grep -qE '^Kept epoch [1-3] of 3: models/rnn.txt, models/report.svg$' train.log
says "what to do next" grep -qE "^Try: .+ --mode predict [A-Z][a-z]+\$" train.log
for file in rnn_epoch1.txt rnn_epoch2.txt rnn_epoch3.txt rnn.txt history.csv report.svg; do
  says "models/$file is there" [ -s "models/$file" ]
done
same "no other file is there" "$(ls -A models | lines)" 6
same "first line of history.csv" "$(head -n 1 models/history.csv)" \
  "epoch,learning_rate,loss,accuracy,validation_loss,validation_accuracy,seconds"
same "epochs of history.csv" "$(cut -d, -f1 models/history.csv | tr '\n' ' ')" "epoch 1 2 3 "
printed='Epoch %d/3 — Loss: %.2f — Accuracy: %.1f%% — Validation: %.2f, %.1f%%\n'
same "the history is what was printed" "$(sed -n 's/ — [0-9.]* s$//p' train.log)" \
  "$(awk -F, -v printed="$printed" 'NR > 1 {printf printed, $1, $3, $4, $5, $6}' models/history.csv)"
same "epoch of each model" "$(awk 'FNR == 2' models/rnn_epoch[123].txt | tr '\n' ' ')" "epoch 1 epoch 2 epoch 3 "
for threads in 2 7; do
  "$rnn" three "${small[@]}" --batch_size 64 --threads $threads --model_dir "m$threads" >/dev/null ||
    fail "--threads $threads"
done
"$rnn" three "${small[@]}" --batch_size=64 --threads=1 --model_dir m1 >m1.log || fail "--threads=1"
says "what to do next names the model" grep -qE "^Try: .+ --mode predict --model_path m1/rnn.txt [A-Z]" m1.log
for threads in 2 7; do
  for file in rnn.txt rnn_epoch1.txt rnn_epoch3.txt; do
    says "the same $file with $threads threads" cmp -s "m1/$file" "m$threads/$file"
  done
done
"$rnn" three "${small[@]}" --seed 2 --model_dir other >/dev/null
cmp -s models/rnn.txt other/rnn.txt
same "another seed makes another model" $? 1
mkdir 'a b'
"$rnn" three "${small[@]}" --model_dir 'a b' >log
try=$(sed -n 's/^Try: //p' log)
eval "$try" >out || fail "what to do next"
says "what to do next can be done" grep -q '%' out

# The model that is kept is the one with the lowest validation loss, and not the last one here
"$rnn" three --hidden_dim 8 --epochs 12 --learning_rate 0.2 --decay none --model_dir best >best.log ||
  fail "--decay none"
best=$(awk -F, 'NR > 1 && (NR == 2 || $5 < low) {low = $5; best = $1} END {print best}' best/history.csv)
says "the best epoch, $best, is neither the first nor the last" [ "$best" -gt 1 -a "$best" -lt 12 ]
says "the best epoch is kept" cmp -s best/rnn.txt "best/rnn_epoch$best.txt"
says "it says so" grep -q "^Kept epoch $best of 12: " best.log
"$rnn" three --hidden_dim 8 --epochs 2 --learning_rate 1e-38 --model_dir tie >tie.log
says "of two alike the first" grep -q "^Kept epoch 1 of 2: " tie.log
same "the learning rate stays" "$(cut -d, -f2 best/history.csv | sort -u | tr '\n' ' ')" "0.2 learning_rate "

# A run can be made again from what it leaves
"$rnn" three --hidden_dim 9 --epochs 2 --batch_size 5 --learning_rate 3e-3 --clip_norm 2.50 --momentum 0.5 --seed 7 \
  --prefix_weight 0.3 --decay none --split_seed 5 --model_dir first >/dev/null
options=$(sed -n 's/^options //p' first/rnn.txt)
same "the options" "$options" "--hidden_dim 9 --epochs 2 --batch_size 5 --learning_rate 0.003 --clip_norm 2.5 \
--momentum 0.5 --prefix_weight 0.3 --decay none --seed 7 --split_seed 5"
# shellcheck disable=SC2086
"$rnn" three $options --model_dir second >/dev/null
says "the same model again" cmp -s first/rnn_epoch2.txt second/rnn_epoch2.txt
says "the picture has the options" grep -qF -- ">$options</text>" first/report.svg

# What an earlier run left stays until the first epoch of the next has ended; old temporary files go at once
mkdir -p left/report.svg.tmp
touch left/report.svg left/rnn_epoch9.txt left/rnn.0123456789abcdef.tmp left/mine.tmp
touch -t 200001010000 left/rnn.0123456789abcdef.tmp left/mine.tmp
"$rnn" three "${small[@]}" --learning_rate 1e38 --clip_norm 1e38 --decay none --batch_size 8 --model_dir left >out 2>err
same "status of a run that diverges" $? 1
says "it names the epoch and what to lower" grep -qE '^rnn: training diverged in epoch 1.*--learning_rate' err
same "what is left" "$(ls -A left | tr '\n' ' ')" "mine.tmp report.svg report.svg.tmp rnn_epoch9.txt "
"$rnn" three "${small[@]}" --epochs 2 --model_dir left >out || fail "a run after it"
same "what the next run leaves" "$(ls -A left | tr '\n' ' ')" \
  "history.csv mine.tmp report.svg report.svg.tmp rnn.txt rnn_epoch1.txt rnn_epoch2.txt "

# Two runs at once in one folder: the later one takes it, and the earlier one ends
"$rnn" three --hidden_dim 64 --epochs 1000000 --model_dir both >both1 2>both2 &
until grep -q '^Epoch 2' both1; do sleep 0.1; done
"$rnn" three --hidden_dim 8 --epochs 2 --model_dir both >/dev/null 2>err
same "the later of two runs at once" "$?, $(cat err)" "0, "
wait $!
same "the earlier" "$?, $(cat both2)" \
  "1, rnn: both/history.csv: another run has changed it, so this run ends; give each its own --model_dir"
same "what they leave" "$(ls -A both | tr '\n' ' ')" "history.csv report.svg rnn.txt rnn_epoch1.txt rnn_epoch2.txt "
same "whose it is" "$(cat both/*.txt | grep -c '^hidden 8$')" 3

# Four names: no validation or test name, perhaps; many epochs cost no more each
mkdir four
split=0
until [ "$names" = "4 names to train on, 0 to validate, 0 to test" ] || [ $split -gt 50 ]; do
  printf 'Ann\nBen\n' >four/A.txt
  printf 'Xa\nXb\n' >four/B.txt
  split=$((split + 1))
  names=$("$rnn" four --hidden_dim 1 --epochs 1 --split_seed $split --model_dir f1 2>/dev/null | sed -n 2p)
done
"$rnn" four --hidden_dim 1 --epochs 300 --split_seed $split --model_dir f1 >four.log || fail "no validation name"
says "an empty field, and no -nan" grep -qE '^300,[^,]+,[^,]+,[^,]+,,,[0-9.]+$' f1/history.csv
same "lines of history.csv" "$(lines <f1/history.csv)" 301
says "no validation" grep -qE '^Epoch 300/300 — Loss: .* — Validation: – — ' four.log
says "no test" grep -q '^Test — no name of the folder is in the test part$' four.log

# Test mode: the line that training printed, its tables, the other parts
"$rnn" --mode test three >test.log || fail "--mode test"
same "the test line" "$(grep '^Test' test.log)" "$(grep '^Test' train.log)"
says "the confusion matrix" grep -q '^Confusion' test.log
says "the worst confusions" grep -q '^Worst confusions:$' test.log
tested=$(sed -n 's/.* \([0-9]*\) to test$/\1/p' train.log)
same "names that are not answered" "$(tail -n 1 test.log)" \
  "These are the names of the test part; --part all takes all 36."
says "repeats" grep -qx "0 repeats ignored" test.log
for part in training validation test all; do
  "$rnn" --mode test three --part $part >part.log || fail "--part $part"
  case $part in
    training) count=$(sed -n 's/^\([0-9]*\) names to train on.*/\1/p' train.log) ;;
    validation) count=$(sed -n 's/.* \([0-9]*\) to validate.*/\1/p' train.log) ;;
    test) count=$tested ;;
    all) count=36 ;;
  esac
  suffix=" \\($part\\)"
  [ $part = test ] && suffix=
  says "names of part $part" grep -qE "^Test — .* — $count names?$suffix\$" part.log
  same "supports of part $part" "$count" \
    "$(awk '/^ +[1-3] [ABC] .*[0-9]$/ && NF > 5 {n += $NF} END {print n}' part.log)"
done
same "nothing is left out of all" "$(grep -c '^These are' part.log)" 0
mkdir two
cp three/A.txt three/C.txt two
"$rnn" --mode test two >two.log || fail "two of three languages"
says "a language without a file has support 0" grep -qE '^  2 B .* – .* 0$' two.log
mkdir alien
cp three/*.txt alien
cp three/A.txt alien/Alien.txt
refuses 1 'Alien is no language of the model' --mode test alien

# Many languages, with long names: too wide for a matrix, never cut by predict and the filter
mkdir many
for k in $(seq -w 40); do sed "s/\$/$k/" three/A.txt >"many/A_language_with_a_long_name_$k.txt"; done
"$rnn" many --hidden_dim 8 --epochs 1 --model_dir many_models >many.log || fail "forty languages"
"$rnn" --mode test many --model_path many_models/rnn.txt >many.test
says "too wide, and where else it is" grep -q 'too wide to print. report.svg of the training run has' many.test
same "languages are not cut in predict" 3 \
  "$("$rnn" --mode predict --model_path many_models/rnn.txt Ann | grep -cE '^  A_language_with_a_long_name_[0-9]{2} ')"
same "nor in the filter" 1 \
  "$(echo Ann | "$rnn" --mode predict --model_path many_models/rnn.txt |
    grep -cE 'A_language_with_a_long_name_[0-9]{2}')"
"$rnn" --mode trace --model_path many_models/rnn.txt Ann >many.trace
says "they are cut in trace, with a mark" grep -q 'A_languag…' many.trace

# Predict
"$rnn" --mode predict --top 2 Ann Xa >predict.log || fail "predict"
same "lines of predict" "$(lines <predict.log)" 7
"$rnn" --mode predict ANN ann Ann >capitals
same "names in capitals, as they came" "$(grep -v '^ ' capitals | tr '\n' ' ')" "ANN  ann  Ann "
same "and with one answer" "$(grep '^ ' capitals | sort | uniq -c | awk '{print $1}' | sort -u)" 3
same "letters never seen" "$("$rnn" --mode predict 'Ж名Ж' | sed -n 2p)" "  never seen in training: U+0416 Ж, U+540D 名"
same "all letters seen" "$("$rnn" --mode predict Ann | grep -c never)" 0
printf 'Ann\r\n\n  Xa \nA\tB\nЖ\n\377\nDan' >lines
"$rnn" --mode predict <lines >answers 2>err
same "status with bad lines" $? 1
same "lines of answers" "$(lines <answers)" 7
none "a blank line comes back" "$(sed -n 2p answers)"
says "the name as it was read" grep -qE $'^  Xa \t[ABC]\t[01]\\.[0-9]{6}$' answers
same "a TAB" "$(sed -n 4p answers)" "$(printf '?\t?\t0')"
same "malformed UTF-8" "$(sed -n 6p answers)" "$(printf '?\t?\t0')"
says "no letter known, no answer" grep -qxF $'Ж\t?\t0' answers
same "bad lines by number" "$(grep -oE 'input:[0-9]+' err | tr '\n' ' ')" "input:4 input:6 "
same "letters never seen, at the end" "$(tail -n 1 err)" "rnn: 1 line has letters never seen in training: U+0416 (1)"
echo Ж | "$rnn" --mode predict >/dev/null 2>err
same "their status" $? 0
printf 'Ann\n\n\377\n' | "$rnn" --mode predict --top 7 >pairs 2>err
says "pairs of a name" grep -qE $'^Ann(\t[ABC]\t[01]\\.[0-9]{6}){3}$' pairs
same "pairs of a blank and of a refused line" "$(tail -n 2 pairs)" "$(printf '\n?\t?\t0\t?\t0\t?\t0')"
same "no more is said" "$(lines <err)" 1
head -c 20000 /dev/zero | tr '\0' x >long
echo >>long
echo Ann >>long
same "an overlong line loses no other" "$("$rnn" --mode predict <long 2>err | cut -f1 | tr '\n' ' ')" "? Ann "
same "and is named" "$(cat err)" "rnn: standard input:1: a line of more than 8000 bytes"
(echo Ann; head -c 9000 /dev/zero | tr '\0' x) >long
same "nor does one at the end" "$("$rnn" --mode predict <long 2>err | cut -f1 | tr '\n' ' ')" "Ann ? "
closed_pipe() {  # the filter's status when what it writes to ends, before its million names do
  yes Ann 2>/dev/null | head -n 1000000 2>/dev/null | "$rnn" --mode predict 2>err | head -n 3 >/dev/null
  echo "${PIPESTATUS[2]}"
}
same "a closed pipe ends it" "$(closed_pipe)" 141
same "and without its signal too, quietly" "$(trap '' PIPE; closed_pipe; cat err)" 1
says "an answer comes while the input is open" [ "$( (echo Ann; sleep 3) | "$rnn" --mode predict |
  (IFS= read -r -t 2 answer && echo "$answer" | cut -f1))" = Ann ]
for threads in 1 2; do seq 40000 | "$rnn" --mode predict --threads $threads >"p$threads" 2>"e$threads"; done
says "answers do not depend on the threads" cmp -s p1 p2
seq 40000 >numbers
cut -f1 p1 >names
says "answers in order" cmp -s names numbers
same "how many lines" "$(lines <names)" 40000
same "digits, most frequent first, five of them named" "$(cat e1)" "rnn: 40000 lines have letters never seen in training: \
U+0031 (20317), U+0032 (20317), U+0033 (20317), U+0034 (13757), U+0035 (13756) and 5 more"

if command -v parallel >/dev/null; then  # GNU parallel: the README's line gives what one process gives
  seq 40000 | parallel -q --pipe --keep-order --block 20k "$rnn" --mode predict >pp 2>/dev/null
  says "answers under GNU parallel" cmp -s p1 pp
else
  echo "cli_test: no GNU parallel here, so the filter was not run under it" >&2
fi

# Trace, explore, help
"$rnn" --mode trace AnжZ >trace.log || fail "trace"
same "trace has a row for each letter and the end" "$(grep -cE '^(A|n|ж|Z|\$)[ ?] ' trace.log)" 5
same "a letter never seen" "$(sed -n 's/^\([^ ]*?\) .*/\1/p' trace.log)" "ж?"
fits "trace" 80 9 trace.log
grep -v "^Try: " train.log >train.short  # that line has the path of the program
fits "training" 80 7 train.short
"$rnn" --mode trace Ж >trace.unknown || fail "trace of a name without a known letter"
says "trace has no answer for it" grep -q ' There is no answer, since none of its letters is known\.$' trace.unknown
says "trace has one otherwise" grep -q ' The answer is [ABC]\.$' trace.log
"$rnn" --mode explore three >explore.log || fail "explore"
says "explore" grep -q '^36 names, 36 different' explore.log
for help in --help -h; do "$rnn" $help >help || fail "$help"; fits "$help" 80 30 help; done
says "help fits a screen" [ "$(lines <help)" -le 50 ]
same "help between other words" "$("$rnn" nowhere --epochs 3 -h | head -n 1)" "$(head -n 1 help)"
same "a name that looks like an option" "$("$rnn" --mode predict -- -h | head -n 1)" -h

# A byte order mark, input that can't be read, output that can't be written, numbers that overflow
same "a byte order mark changes no answer" "$(printf '\357\273\277Ann\n' | "$rnn" --mode predict)" \
  "$(echo Ann | "$rnn" --mode predict)"
"$rnn" --mode predict <. 2>err >out
same "status when input is a folder" $? 1
same "what it says" "$(cat err)" "rnn: standard input: Is a directory"
if [ -e /dev/full ]; then
  echo Ann | "$rnn" --mode predict >/dev/full 2>err
  same "status on a full device" "$?, $(cat err)" "1, rnn: standard output: No space left on device"
  "$rnn" --help >/dev/full 2>err
  same "help on a full device" "$?, $(cat err)" "1, rnn: standard output: No space left on device"
fi
awk '/^[UbWVc] [0-9]+ [0-9]+$/ {x = $1 == "W" ? "-3e38" : "3e38"; n = $2; print; next}
  n-- > 0 {for (k = 1; k <= NF; k++) $k = x} {print}' models/rnn.txt >overflowing
refuses 1 'too large to compute with' --mode predict --model_path overflowing Ann
refuses 1 'too large to compute with' --mode trace --model_path overflowing Ann
refuses 1 'too large to compute with' --mode test --model_path overflowing three
echo Ann | "$rnn" --mode predict --model_path overflowing >out 2>err
same "the filter refuses it too" "$?, $(cat out err)" "1, rnn: the model's numbers are too large to compute with"

# The command line: a refusal of each kind; all of them are in program_test.cpp
refuses 2 'mode train has no option --epoch; it takes .*--epochs' --epoch 3
refuses 2 '--epochs 0: should be a whole number, 1 to' --epochs 0
refuses 2 'one folder, please: three or two' three two
refuses 2 'follows one name' --mode trace
refuses 2 'follows one name' --mode trace Ann Ben
refuses 2 'an empty name' --mode predict ''
refuses 2 'three/A.txt: a path, and no name; .* --mode predict <FILE' --mode predict three/A.txt
refuses 1 "^rnn: ./three: models can't stand among the names" three --model_dir ./three --epochs 1
same "nothing is written among the names" "$(ls -A three | tr '\n' ' ')" "A.txt B.txt C.txt "
refuses 2 'malformed UTF-8' --mode predict "$(printf 'a\377')"

# Data
circle='(Too many levels|Symbolic link loop)'  # as glibc and musl call it
refuses 1 'nowhere: No such file or directory; .*--mode predict' nowhere
mkdir nothing
for folder in empty line latin long1 endless folder circle unreadable; do
  mkdir $folder
  cp three/A.txt $folder
done
refuses 1 'no \*.txt in it' nothing
cp -r three upper
touch upper/D.TXT
"$rnn" --mode explore upper >out 2>err || fail "a list in .TXT beside others"
same "what is said of it" "$(cat err)" "rnn: upper/D.TXT: rename it D.txt; it was passed over"
: >empty/B.txt
refuses 1 'empty/B.txt: no name in it' empty
printf '\377' >line/$'B\nC\033.txt'
refuses 1 'line/B\?C\?.txt:1: malformed' line
if cp three/B.txt latin/$'B\377.txt' 2>/dev/null; then
  refuses 1 'language, in UTF-8' latin
else
  echo "cli_test: this file system takes no name that is not UTF-8, so that none was refused" >&2
fi
(echo Ok; head -c 1001 /dev/zero | tr '\0' x) >long1/B.txt
refuses 1 'long1/B.txt:2: a name of more than 1000 letters' long1
ln -s /dev/zero endless/B.txt
refuses 1 'endless/B.txt:1: a line of more than' endless
mkdir folder/B.txt
refuses 1 'folder/B.txt: Is a directory' folder
ln -s B.txt circle/B.txt
refuses 1 "circle/B.txt: $circle" circle
cp three/B.txt unreadable
chmod 0 unreadable/B.txt
if cat unreadable/B.txt >/dev/null 2>&1; then
  echo "cli_test: this user reads everything, so that no file was refused for it" >&2
else
  refuses 1 'B.txt: Permission denied' unreadable
fi

# Models and where they go
cp models/rnn.txt kept
cp models/report.svg kept.svg
refuses 1 "^rnn: nomodel: no such file in $work; train first" --mode test --model_path nomodel three
refuses 1 "models/x/y.txt: no such file in $work/models/x; train" --mode predict --model_path models/x/y.txt Ann
ln -s loop loop
refuses 1 "loop: $circle" --mode predict --model_path loop Ann
refuses 1 'models: Is a directory' --mode predict --model_path models Ann
head -c 300 kept >cut
refuses 1 'cut:[0-9]+: ' --mode predict --model_path cut Ann
sed 's/^W 8 8/W 8 9/' kept >altered
refuses 1 'altered:[0-9]+: expected .W 8 8' --mode predict --model_path altered Ann
(sed '$d' kept; printf end) >no_end
refuses 1 'no_end:[0-9]+: ' --mode predict --model_path no_end Ann
refuses 1 'zero:1: a line of more than' --mode predict --model_path /dev/zero Ann
: >file
refuses 1 'file: .*; name another folder with --model_dir' three --model_dir file
refuses 1 'file/models: .*; name another folder with --model_dir' three --model_dir file/models
mkdir -p taken/rnn.txt taken2/rnn_epoch10.txt
refuses 1 'taken/rnn.txt: a folder' three --model_dir taken
refuses 1 'taken2/rnn_epoch10.txt: a folder' three --model_dir taken2
mkdir memory
for language in A B; do  # 60,000 code points from U+10000, and in one part a name of 1000 letters: 14 GB and 6
  awk -v end=$language 'BEGIN { for (c = 65536; c < 125536; c++) {
    printf "%c%c%c%c", 240 + int(c / 262144), 128 + int(c / 4096) % 64, 128 + int(c / 64) % 64, 128 + c % 64
    if (c % 4 == 3) print end } }' >memory/$language.txt
done
head -c 1000 /dev/zero | tr '\0' a >>memory/A.txt
refuses 1 'would take (21|22|23) GB of memory' memory --hidden_dim 4096
says "refusals leave the model as it was" cmp -s models/rnn.txt kept
says "and the picture" cmp -s models/report.svg kept.svg

# A run that diverges; a full disk leaves what was there
"$rnn" three --epochs 1 --hidden_dim 8 --batch_size 4 --learning_rate 3e38 --momentum 0 >out 2>err
same "status of a run that diverges" $? 1
says "it says so" grep -q '^rnn: training diverged in epoch 1: ' err
says "it leaves the model as it was" cmp -s models/rnn.txt kept
(
  trap '' XFSZ
  ulimit -f 1
  "$rnn" three --hidden_dim 64 --epochs 1 --model_dir models >/dev/null 2>err
)
same "status on a full disk" $? 1
says "it says which file" grep -q 'models/rnn.txt: File too large' err
says "a full disk leaves the model whole" cmp -s models/rnn.txt kept
none "and no temporary file" "$(find models -name '*.tmp')"

# The files of tests/golden/data.txt: languages, letters and parts as they stand there
mkdir golden
sed -n '/^files /,/^languages /{s/^\([0-9a-f]*\) \([0-9a-f]*\)$/\1 \2/p;}' "$vectors/data.txt" |
  while read -r name bytes; do
    printf -v file "$(sed 's/../\\x&/g' <<<"$name")" # not $(printf ...), which loses a newline at the end
    printf "$(sed 's/../\\x&/g' <<<"$bytes")" >"golden/$file"
  done
rows() { sed -n "s/^$1 \([0-9]*\) .*/\1/p" "$vectors/data.txt"; }
block() { sed -n "/^$1 /,/^[a-z.0-9]* [0-9]* [0-9]*\$/p" "$vectors/data.txt" | sed '1d;$d'; }
split_seed=$(sed -n '/^split_seed /{n;p;}' "$vectors/data.txt")
"$rnn" golden --epochs 1 --split_seed "$split_seed" --model_dir golden_models >golden.log 2>err || fail "golden data"
same "what data.txt holds" "$(sed -n '1s/\( (.*)\)*, \([0-9]* letters\), .*/, \2/p;2p' golden.log)" \
  "$(rows languages) languages, $(rows alphabet) letters
$(rows training) names to train on, $(rows validation) to validate, $(rows test) to test"
same "letters of data.txt" "$(grep '^U+' golden_models/rnn.txt)" "$(block alphabet)"
same "languages of data.txt" \
  "$(sed -n "7,$(($(rows languages) + 6))p" golden_models/rnn.txt | od -An -v -tx1 | tr -d ' \n')" \
  "$(block languages | sed 's/$/0a/' | tr -d '\n')"

# The real data, once, with few epochs
"$rnn" "$data" --epochs 1 --model_dir real >real.log || fail "training on data/"
"$rnn" --mode test "$data" --model_path real/rnn.txt >real.test || fail "test mode on data/"
same "the test line of data/" "$(grep '^Test' real.test)" "$(grep '^Test' real.log)"
same "the worst confusions" "$(sed '1,/^Worst confusions:$/d' real.test | grep -c ' taken for ')" 10
grep -v "^Try: " real.log >real.short
fits "training on data/" 80 5 real.short
fits "test mode on data/" 120 80 real.test
same "no language of ours is cut" "$(grep -c … real.test)" 0

# The yardstick of ports: what whole.txt says of four epochs in large batches, within the tolerances of its page
"$rnn" "$data" --batch_size 2048 --epochs 4 --model_dir whole >whole.log || fail "four epochs of large batches"
same "the parts of whole.txt" "$(grep -oE '[0-9]+' <(head -n 2 whole.log) | tr '\n' ' ')" \
  "$(sed -n '/^sizes /{n;s/$/ /;p;}' "$vectors/whole.txt")"
same "epochs within whole.txt" "$(paste -d ' ' \
  <(sed '/^four_epochs /,/^minibatches /!d;/^[a-z]/d' "$vectors/whole.txt") <(sed '1d;s/,/ /g' whole/history.csv) |
  awk 'function near(a, b, by) { return a - b <= by && b - a <= by }
    { good += near($1, $7, 1.1e-5) && near($2, $8, 0.02) && near($3, $9, 1.1e-5) && near($4, $10, 0.1) }
    END { print good }')" 4

# Each line of code that README.md shows is one of rnn.hpp or of the example
shown() { sed -n '/^```cpp$/,/^```$/p' "$vectors/../../README.md" | grep -v '^```'; }
same "lines of README.md in the source" "$(shown | while IFS= read -r line; do
  grep -qxF -- "$line" "$vectors/../../rnn.hpp" "$vectors/../example_test.cpp" && echo found; done | lines)" \
  "$(shown | lines)"
says "README.md shows code" [ "$(shown | lines)" -ge 8 ]

# A list of names to standard output, all else to standard error
"$rnn" --mode test three --part all >all.log || fail "--part all"
"$rnn" --mode test three --part all --list all >all.list 2>all.err || fail "--list all"
"$rnn" --mode test three --part all --list wrong >wrong.list 2>/dev/null || fail "--list wrong"
same "the names of the list" "$(cut -f1 all.list)" "$(cat three/A.txt three/B.txt three/C.txt)"
same "its languages" "$(cut -f2 all.list | uniq -c | awk '{print $1 $2}' | tr '\n' ' ')" "12A 12B 12C "
same "probabilities" "$(cut -f4 all.list | grep -cE '^[01]\.[0-9]{6}$')" 36
same "the wrong ones of it" "$(cat wrong.list)" "$(awk -F '\t' '$2 != $3' all.list)"
same "the test line beside it" "$(cat all.err)" "$(head -n 1 all.log)"
"$rnn" --mode test three --list wrong 2>hint >/dev/null
same "the hint beside it" "$(tail -n 1 hint)" "$(tail -n 1 test.log)"
same "no hint among the names" "$(cat all.list wrong.list | grep -c 'These are')" 0
printf 'Ann\n' >two/B.txt
"$rnn" --mode test two --part training >left_out.log
says "a language without a name to test" grep -qE '^Macro F1 leaves out languages without a name to test: ' left_out.log

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

# Of many refused lines ten are named; a name of which no letter is known has no answer
for k in $(seq 25); do printf '\377\n'; done | "$rnn" --mode predict >out 2>err
same "messages on 25 refused lines" "$(lines <err), $(tail -n 1 err)" \
  "11, rnn: standard input: 15 more lines refused"
same "their answers" "$(grep -c '^?' out)" 25
printf 'ЖЖ\nAnn\n' | "$rnn" --mode predict >out 2>/dev/null
same "no letter known" "$?, $(head -n 1 out)" "0, $(printf 'ЖЖ\t?\t0')"
"$rnn" --mode predict 'ЖЖ' >out
same "nor an argument's" "$(tail -n 1 out)" "  no answer, since none of its letters is known"

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
