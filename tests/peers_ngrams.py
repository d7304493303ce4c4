#!/usr/bin/python3
"""What else you could use: other methods at the task of ./rnn, on the same names and splits, on this machine.

    make && /usr/bin/python3 tests/peers_ngrams.py [--splits 1 2 3 4 5]
    (Debian: apt-get install python3-sklearn python3-fasttext python3-torch libopenblas0-pthread)

All learn from the training names and are scored on the test names; the networks keep the epoch of lowest validation
loss. Settings were chosen by accuracy on validation names, test names not looked at, of splits that the table omits:
  naive Bayes  1- to n-grams, n 3 to 5, alpha 0.005 to 1: splits 11 to 15
  linear SVM   n 3 to 6, C 0.2 to 1, tf-idf with and without logarithms of counts: splits 11 and 12
  fastText     n 3 to 5, rate 0.3 to 1.5, 20 or 40 epochs, dimension 16 to 64, with and without whole names: split 11
  GRU, LSTM    rate of Adam 0.003 and 0.006: split 11; all else, and all of nn.RNN, is ./rnn's, see README.md

Seconds of training are the processor's, on one thread: other programs disturb them less than the clock's. ./rnn:
history.csv times its share of the processor; PyTorch: steps, of batches packed before; the others: names to model.
"""
import os

for variable in [name for name in os.environ if name.startswith(("OPENBLAS_", "OMP_", "MKL_", "GOTO_"))]:
    del os.environ[variable]  # they may hold OpenBLAS to old processors
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import collections
import pathlib
import re
import subprocess
import tempfile
import time

import numpy as np

BAYES_N, BAYES_ALPHA, SVM_N, SVM_C = 5, 0.07, 5, 1
FASTTEXT = dict(minn=1, maxn=5, minCount=1, lr=0.6, epoch=20, dim=64, bucket=200_000)
HIDDEN, EPOCHS, BATCH, CLIP, PREFIX_WEIGHT = 128, 10, 32, 10, 0.15  # as ./rnn
RATES = {"RNN": 0.015, "GRU": 0.006, "LSTM": 0.006}  # at first, falling linearly; 0.006 is the highest tried
PROGRAM = {128: "", 384: "--hidden_dim 384 --epochs 12 --learning_rate 0.004"}  # the defaults, the best command line
Part = collections.namedtuple("Part", "names languages")


def tenth(name, split_seed):
    """FNV-1a of the name, plus the seed, through SplitMix64 once; mod 10: 0-7 training, 8 validation, 9 test."""
    wrap, state = 2**64 - 1, 0xcbf29ce484222325
    for byte in name.encode():
        state = (state ^ byte) * 0x100000001b3 & wrap
    state = state + split_seed + 0x9e3779b97f4a7c15 & wrap
    for shift, factor in ((30, 0xbf58476d1ce4e5b9), (27, 0x94d049bb133111eb)):
        state = (state ^ state >> shift) * factor & wrap
    return (state ^ state >> 31) % 10


def read_data():
    """(folded name, language) of every name; a name counts once a file."""
    examples = []
    for language, path in enumerate(sorted(pathlib.Path("data").glob("*.txt"), key=os.fsencode)):
        lines = path.read_bytes().decode("utf-8-sig").replace("\u0130", "i").split("\n")  # lower() makes two of U+0130
        names = dict.fromkeys("".join(letter.lower() for letter in line.strip(" \t\v\f\r")) for line in lines)
        examples += [(name, language) for name in names if name]
    return examples


def split(examples, split_seed):
    """Training, validation, test."""
    parts = [], [], []
    for example in examples:
        parts[max(0, tenth(example[0], split_seed) - 7)].append(example)
    return [Part([name for name, _ in part], np.array([language for _, language in part])) for part in parts]


def score(answers, truth):
    """Accuracy and macro F1, the mean over the languages that have a test name, in per cent."""
    right, given, true = (np.bincount(x, minlength=1000) for x in (truth[answers == truth], answers, truth))
    return 100 * right.sum() / len(truth), 100 * np.mean((2 * right / np.maximum(1, given + true))[true > 0])


# The methods. Each yields its title, accuracy and macro F1 on the test names, and training seconds.
def majority(training, validation, test, seed):
    commonest = np.full(len(test.names), np.bincount(training.languages).argmax())
    yield "always the commonest language", *score(commonest, test.languages), 0


def ngrams(training, validation, test, seed):
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC
    options = dict(analyzer="char", preprocessor="^{}$".format)  # ^ and $ mark the ends
    for title, *steps in (
            (f"naive Bayes, 1- to {BAYES_N}-grams", CountVectorizer(ngram_range=(1, BAYES_N), **options),
             MultinomialNB(alpha=BAYES_ALPHA)),
            (f"linear SVM, 1- to {SVM_N}-grams", TfidfVectorizer(ngram_range=(1, SVM_N), sublinear_tf=True, **options),
             LinearSVC(C=SVM_C, random_state=seed))):
        start = time.process_time()
        model = make_pipeline(*steps).fit(training.names, training.languages)
        seconds = time.process_time() - start
        yield title, *score(model.predict(test.names), test.languages), seconds


def fasttext(training, validation, test, seed):
    from fasttext import train_supervised
    words = [[name.replace(" ", "_") for name in part.names] for part in (training, test)]
    order = np.random.default_rng(seed).permutation(len(words[0]))  # it does not shuffle
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.writelines(f"__label__{training.languages[i]} {words[0][i]}\n" for i in order)
        file.flush()
        start = time.process_time()
        model = train_supervised(file.name, **FASTTEXT, seed=seed, thread=1, verbose=0)
        seconds = time.process_time() - start
    answers = np.array([int(labels[0][len("__label__"):]) for labels in model.predict(words[1])[0]])
    yield f"fastText, {FASTTEXT['minn']}- to {FASTTEXT['maxn']}-grams", *score(answers, test.languages), seconds


def recurrent(training, validation, test, seed):
    import torch
    from torch.nn.functional import cross_entropy
    from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
    torch.set_num_threads(1)
    column = {letter: k for k, letter in enumerate(sorted(set("".join(training.names))) + ["end"])}
    one_hot = torch.eye(len(column) + 1)[:, :-1]  # the last row, of letters that training never saw, is zero

    def encode(part):
        x = [torch.tensor([column.get(letter, len(column)) for letter in (*name, "end")]) for name in part.names]
        lengths, x = torch.tensor([len(name) for name in x]), pad_sequence(x, batch_first=True)
        weights = torch.full(x.shape, PREFIX_WEIGHT).scatter(1, lengths[:, None] - 1, 1.0)
        return lengths, x, torch.from_numpy(part.languages)[:, None].expand(x.shape), weights

    def batches(encoded, order, size):
        """Of each batch: one-hot letters, packed; the language and the weight of each of their rows."""
        for chosen in order.split(size):
            lengths, *rest = (field[chosen] for field in encoded)
            x, languages, weights = (field[:, :lengths.max()] for field in rest)
            yield [pack_padded_sequence(field, lengths, batch_first=True, enforce_sorted=False)
                   for field in (one_hot[x], languages, weights)]

    names = encode(training)
    checks = [list(batches(encode(part), torch.arange(len(part.names)), 512)) for part in (validation, test)]
    for kind, rate in RATES.items():
        torch.manual_seed(seed)
        cell, out = getattr(torch.nn, kind)(len(column), HIDDEN), torch.nn.Linear(HIDDEN, training.languages.max() + 1)
        parameters = [*cell.parameters(), *out.parameters()]
        optimizer, seconds, lowest = torch.optim.Adam(parameters), 0, np.inf
        if kind == "RNN":  # initial values and step as ./rnn's
            for parameter, bound in zip(parameters, (0.7, 0.7 * HIDDEN ** -0.5, 0, 0, 1, 0)):  # U, W, b, b, V, c
                torch.nn.init.uniform_(parameter, -bound, bound)
            cell.bias_hh_l0.requires_grad_(False)  # one b is enough
            optimizer = torch.optim.SGD(parameters, lr=rate, momentum=0.9)
        for epoch in range(EPOCHS):
            ready = list(batches(names, torch.randperm(len(training.names)), BATCH))
            start = time.process_time()
            for k, (x, languages, weights) in enumerate(ready):
                optimizer.param_groups[0]["lr"] = rate * (1 - (epoch + k / len(ready)) / EPOCHS)
                optimizer.zero_grad(set_to_none=True)
                losses = cross_entropy(out(cell(x)[0].data), languages.data, reduction="none")
                (losses.dot(weights.data) / len(x.unsorted_indices)).backward()  # the mean over the names
                torch.nn.utils.clip_grad_norm_(parameters, CLIP)
                optimizer.step()
            seconds += time.process_time() - start
            with torch.no_grad():  # h of each name's last step; an LSTM returns (h, c)
                last = [torch.cat([(h[0] if kind == "LSTM" else h)[0] for h in (cell(x)[1] for x, *_ in check)])
                        for check in checks]
                loss = cross_entropy(out(last[0]), torch.from_numpy(validation.languages)).item()
                if loss < lowest:
                    lowest, answers = loss, out(last[1]).argmax(1).numpy()
        yield f"PyTorch nn.{kind}, hidden {HIDDEN}", *score(answers, test.languages), seconds


def program(training, validation, test, seed):
    for hidden, options in PROGRAM.items():
        with tempfile.TemporaryDirectory() as folder:
            command = f"./rnn data/ --seed {seed} --split_seed {seed} --threads 1 --model_dir {folder} {options}"
            before = os.times()
            output = subprocess.check_output(command.split(), stderr=subprocess.DEVNULL, encoding="utf-8")
            _, _, user, system, wall = np.subtract(os.times(), before)
            seconds = np.genfromtxt(f"{folder}/history.csv", delimiter=",", names=True)["seconds"].sum()
        figures = re.search(r"^Test.* Accuracy: ([\d.]+)%.* Macro F1: ([\d.]+)%", output, re.M).groups()
        yield f"./rnn, hidden {hidden}", *map(float, figures), seconds * (user + system) / wall


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    splits = parser.parse_args().splits
    if not os.path.exists("rnn"):
        raise SystemExit("peers_ngrams.py: no ./rnn: run make first, and this from the project's folder")
    examples, results, missing = read_data(), collections.defaultdict(list), {}
    for seed in splits:
        for method in (majority, ngrams, fasttext, recurrent, program):
            try:
                for title, *figures in method(*split(examples, seed), seed):
                    results[title].append(figures)
            except ImportError as error:
                missing[method.__name__] = f"left out: {method.__name__}: {error}"
    print(f"Means over splits {splits}; load {os.getloadavg()[0]:.1f}", *missing.values(), sep="\n")
    print("\n                                accuracy   from     to   macro F1   training")
    for title, rows in results.items():
        (accuracy, f1, seconds), low, high = np.mean(rows, 0), np.min(rows, 0)[0], np.max(rows, 0)[0]
        print(f"{title:32}{accuracy:7.1f}%{low:7.1f}{high:7.1f}{f1:10.1f}%{seconds:9.2f} s")


if __name__ == "__main__":
    main()
