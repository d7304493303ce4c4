#!/usr/bin/python3
"""The training and the prediction of ./rnn beside the same in PyTorch and in NumPy, on this machine.

    make && /usr/bin/python3 tests/bench_torch.py        (Debian: apt-get install python3-torch python3-numpy)

All three train the same network on the same names: one-hot letters, hidden 128, a loss at every step, batches of 32
packed without padding, the mean gradient, clipping, momentum, linear decay. PyTorch: nn.RNN on packed sequences,
autograd. NumPy: the equations of rnn.hpp by hand. Initial values and the order of the names differ from rnn's. "plain"
is ./rnn --plain, part 1 of rnn.hpp.

What the clock counts:
  training    rnn: all of an epoch (history.csv): sorting, packing, scoring, forward, backward, clipping, step.
              PyTorch, NumPy: forward, backward, clipping, step. Their tensors are packed beforehand, off the clock.
              rnn runs all 10 epochs, plain 1, the others the first 2 of 10 (with a slow BLAS, a
              tenth of that, and of the prediction); compare names a second.
  prediction  rnn: ./rnn --mode predict from a file to a file, all of it: start, reading, encoding, writing.
              PyTorch: forward of tensors packed beforehand, 512 names of like length a batch, to the likeliest
              language and its probability.
On one thread, seconds are the processor's, which other programs disturb less than the clock's.
The kinds take turns, 5 times; the figures are medians. Validation accuracy after those epochs (with a fast BLAS)
shows that all three learn the same.

PyTorch and NumPy are as fast as their BLAS, which the table names and measures. Debian's default is the slow reference
BLAS; `apt-get install libopenblas0-pthread` replaces it, or, without installing it for all,
LD_LIBRARY_PATH=FOLDER chooses the libblas.so.3 in FOLDER.
"""
import os

# OPENBLAS_CORETYPE and its like may hold OpenBLAS to old processors. It reads them when it is loaded, so before that:
for variable in [name for name in os.environ if name.startswith(("OPENBLAS_", "OMP_", "MKL_", "GOTO_"))]:
    del os.environ[variable]
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # until set_threads

import collections
import csv
import ctypes
import glob
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from torch.nn.functional import cross_entropy, one_hot
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_sequence

HIDDEN, EPOCHS, BATCH, RATE, MOMENTUM, CLIP, PREFIX_WEIGHT, SPLIT_SEED = 128, 10, 32, 0.015, 0.9, 10, 0.15, 1
ROUNDS, PREDICT_BATCH, COPIES = 5, 512, 20
CORES = len(os.sched_getaffinity(0))


# ---- Data: the rules of rnn.hpp, part 3 ----

def fold(name):
    """Letters without case, as far as data/ needs it: one code point each; the Turkish capital i with a dot is i."""
    return "".join("i" if letter == "\u0130" else min(letter.lower(), letter, key=len) for letter in name)


def tenth(name):
    """The first SplitMix64 output from FNV-1a(folded name) + split_seed, mod 10: 0-7 train, 8 validation, 9 test."""
    mask, h = 2**64 - 1, 0xcbf29ce484222325
    for byte in name.encode():
        h = (h ^ byte) * 0x100000001b3 & mask
    z = h + SPLIT_SEED + 0x9e3779b97f4a7c15 & mask
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9 & mask
    z = (z ^ z >> 27) * 0x94d049bb133111eb & mask
    return (z ^ z >> 31) % 10


def read_data():
    """(folded name, language) of every name, and the number of languages."""
    examples, files = [], sorted(glob.glob("data/*.txt"), key=os.fsencode)
    for language, file in enumerate(files):
        with open(file, encoding="utf-8-sig", newline="\n") as lines:
            names = dict.fromkeys(fold(line.strip(" \t\n\v\f\r")) for line in lines)
        examples += [(name, language) for name in names if name]
    return examples, len(files)


# One batch, packed. x: symbols, sizes: names at each step, language and weight: of each row, last: the rows where a
# name ends, answer: their languages.
Packed = collections.namedtuple("Packed", "x sizes language weight last answer")


def pack(examples):
    """(symbols, language) of each name -> Packed, longest name first."""
    examples = sorted(examples, key=lambda e: -len(e[0]))
    lengths = torch.tensor([len(x) for x, _ in examples])
    padded = pad_sequence([torch.tensor(x) for x, _ in examples])
    x = pack_padded_sequence(padded, lengths)
    language = pack_padded_sequence(torch.tensor([k for _, k in examples]).expand(padded.shape), lengths)
    is_last = torch.arange(len(padded))[:, None] == lengths - 1
    is_last = pack_padded_sequence(is_last, lengths).data
    weight = torch.where(is_last, 1.0, PREFIX_WEIGHT)
    last = is_last.nonzero()[:, 0]
    return Packed(x.data, x.batch_sizes, language.data, weight, last, language.data[last])


def initial(symbols, languages):
    """U, W, V as rnn's initial_parameters draws them, with another generator."""
    random = np.random.default_rng(1)
    shapes = ((HIDDEN, symbols), 0.7), ((HIDDEN, HIDDEN), 0.7 * HIDDEN ** -0.5), ((languages, HIDDEN), 1)
    return [random.uniform(-bound, bound, shape).astype(np.float32) for shape, bound in shapes]


# ---- PyTorch ----

class Torch:
    def __init__(self, symbols, languages):
        self.symbols = symbols
        self.rnn = torch.nn.RNN(symbols, HIDDEN, nonlinearity="tanh")
        self.out = torch.nn.Linear(HIDDEN, languages)
        with torch.no_grad():
            for parameter, value in zip((self.rnn.weight_ih_l0, self.rnn.weight_hh_l0, self.out.weight),
                                        initial(symbols, languages)):
                parameter.copy_(torch.from_numpy(value))
            for bias in (self.rnn.bias_ih_l0, self.rnn.bias_hh_l0, self.out.bias):
                bias.zero_()
        self.rnn.bias_hh_l0.requires_grad_(False)  # one b, as in the book
        self.parameters = [p for p in (*self.rnn.parameters(), *self.out.parameters()) if p.requires_grad]
        self.optimizer = torch.optim.SGD(self.parameters, lr=RATE, momentum=MOMENTUM)

    def prepare(self, p):
        # A last column for letters that training never saw is cut off: they are the zero vector.
        x = one_hot(p.x, self.symbols + 1)[:, :-1].float().contiguous()
        return p._replace(x=PackedSequence(x, p.sizes))

    def step(self, p, rate):
        self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        h, _ = self.rnn(p.x)
        loss = cross_entropy(self.out(h.data), p.language, reduction="none").dot(p.weight) / len(p.answer)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, CLIP)
        self.optimizer.step()

    def predict(self, p):
        with torch.inference_mode():
            _, h = self.rnn(p.x)  # h of each name's last step, in the order of the batch
            return torch.softmax(self.out(h[0]), 1).max(1)

    def right(self, p):
        with torch.inference_mode():
            h, _ = self.rnn(p.x)
            return (self.out(h.data[p.last]).argmax(1) == p.answer).sum().item()


# ---- NumPy ----

class Numpy:
    def __init__(self, symbols, languages):
        U, W, V = initial(symbols, languages)
        Ut = np.vstack((U.T, np.zeros((1, HIDDEN), np.float32)))  # its last row: letters that training never saw
        self.p = [Ut, np.zeros(HIDDEN, np.float32), W, V, np.zeros(languages, np.float32)]
        self.v = [np.zeros_like(p) for p in self.p]

    def prepare(self, p):
        """Also: the steps' first rows; and the rows in order of their symbols, which dU adds up."""
        p = Packed(*(field.numpy() for field in p))
        first = np.concatenate(([0], np.cumsum(p.sizes))).tolist()
        order = np.argsort(p.x, kind="stable")
        symbols, starts = np.unique(p.x[order], return_index=True)
        before = np.concatenate([np.arange(first[t - 1], first[t - 1] + n) for t, n in enumerate(p.sizes) if t > 0])
        return p, first, order, symbols, starts, before

    def hidden(self, p, first):
        Ut, b, W, _, _ = self.p
        h = Ut[p.x]
        h += b
        for t in range(len(first) - 1):
            a = h[first[t]:first[t + 1]]
            if t > 0:
                a += h[first[t - 1]:first[t - 1] + len(a)] @ W.T  # (10.8)
            np.tanh(a, out=a)  # (10.9)
        return h

    def step(self, batch, rate):
        p, first, order, symbols, starts, before = batch
        Ut, _, W, V, c = self.p
        h = self.hidden(p, first)
        y = h @ V.T  # (10.10)
        y += c
        y -= y.max(1, keepdims=True)
        np.exp(y, out=y)
        y /= y.sum(1, keepdims=True)  # (10.11)

        y[np.arange(len(y)), p.language] -= 1
        y *= p.weight[:, None] / np.float32(len(p.answer))  # (10.18), now do; of the mean over the names
        da = y @ V
        slope = 1 - h * h
        for t in range(len(first) - 2, -1, -1):
            dh = da[first[t]:first[t + 1]]
            if t + 2 < len(first):
                after = da[first[t + 1]:first[t + 2]]
                dh[:len(after)] += after @ W  # (10.21)
            dh *= slope[first[t]:first[t + 1]]
        dU = np.zeros_like(Ut)
        dU[symbols] = np.add.reduceat(da[order], starts)
        gradient = [dU, da.sum(0), da[first[1]:].T @ h[before], y.T @ h, y.sum(0)]  # (10.22 - 10.28)

        norm = sum(np.vdot(g, g) for g in gradient) ** 0.5
        factor = np.float32(min(1, CLIP / norm))
        for parameter, v, g in zip(self.p, self.v, gradient):
            v *= np.float32(MOMENTUM)
            g *= factor
            v += g
            parameter -= np.float32(rate) * v

    def right(self, batch):
        p, first = batch[:2]
        return ((self.hidden(p, first)[p.last] @ self.p[3].T + self.p[4]).argmax(1) == p.answer).sum()


# ---- Threads and BLAS ----

def blas_file():
    with open("/proc/self/maps") as maps:
        files = {line.split()[-1] for line in maps}
    return next((f for f in sorted(files) if "blas" in os.path.basename(f) or "mkl" in os.path.basename(f)), "built in")


def set_threads(n):
    """PyTorch's threads, and OpenBLAS's, which torch.set_num_threads does not reach."""
    torch.set_num_threads(n)
    if os.path.exists(blas_file()):
        blas = ctypes.CDLL(blas_file())
        if hasattr(blas, "openblas_set_num_threads"):
            blas.openblas_set_num_threads(n)


def blas_speed():
    """GFLOP/s of a product of 256 x 128 by 128 x 128, about the size of this network's, on one thread."""
    set_threads(1)
    a, b, best = np.ones((256, 128), np.float32), np.ones((128, 128), np.float32), 1.0
    for _ in range(200):
        start = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - start)
    return 2 * 256 * 128 * 128 / best / 1e9


TIMED_EPOCHS = 2
SHARE = 1 if blas_speed() > 30 else 10  # a slow BLAS is timed on one part in SHARE of this


# ---- The program ----

def rnn_training(threads, folder, *options):
    """Seconds of all epochs, and the validation accuracy after TIMED_EPOCHS, or after the last."""
    before = os.times()
    subprocess.run(["./rnn", "data/", "--threads", str(threads), "--model_dir", folder, *options], check=True,
                   stdout=subprocess.DEVNULL)
    with open(f"{folder}/history.csv") as file:
        rows = list(csv.DictReader(file))
    _, _, user, system, wall = np.subtract(os.times(), before)
    share = (user + system) / wall if threads == 1 else 1
    return share * sum(float(row["seconds"]) for row in rows), float(rows[:TIMED_EPOCHS][-1]["validation_accuracy"])


def rnn_prediction(threads, folder):
    with open(f"{folder}/names") as names, open(f"{folder}/answers", "w") as answers:
        before = os.times()
        subprocess.run(["./rnn", "--mode", "predict", "--threads", str(threads), "--model_path", f"{folder}/rnn.txt"],
                       check=True, stdin=names, stdout=answers)
        _, _, user, system, wall = np.subtract(os.times(), before)
        return user + system if threads == 1 else wall


def main():
    if not os.path.exists("rnn"):
        sys.exit("bench_torch.py: no ./rnn: run make first, and this from the project's folder")
    examples, languages = read_data()
    parts = [tenth(name) for name, _ in examples]
    letters = sorted({letter for (name, _), part in zip(examples, parts) if part < 8 for letter in name})
    column, end, symbols = {letter: k for k, letter in enumerate(letters)}, len(letters), len(letters) + 1
    encoded = [([column.get(letter, symbols) for letter in name] + [end], language) for name, language in examples]
    training = [e for e, part in zip(encoded, parts) if part < 8]
    validation = [e for e, part in zip(encoded, parts) if part == 8]
    print(f"{languages} languages, {len(letters)} letters, {len(training)} names to train on, {len(validation)} to "
          f"validate, {parts.count(9)} to test")

    random = np.random.default_rng(1)
    batches = []
    for _ in range(TIMED_EPOCHS):
        order = random.permutation(len(training))
        batches += [pack([training[i] for i in order[k:k + BATCH]]) for k in range(0, len(order), BATCH)]
    run_batches = len(batches) // TIMED_EPOCHS * EPOCHS
    batches = batches[:len(batches) // SHARE]
    by_length = sorted(encoded, key=lambda e: -len(e[0]))
    predict = [pack(by_length[k:k + PREDICT_BATCH]) for k in range(0, len(by_length), PREDICT_BATCH)][::-SHARE]
    check = [pack(validation[k:k + PREDICT_BATCH]) for k in range(0, len(validation), PREDICT_BATCH)]

    kinds = {("PyTorch", 1): Torch(symbols, languages), ("PyTorch", CORES): Torch(symbols, languages),
             ("NumPy", 1): Numpy(symbols, languages)}
    train, guess, accuracy = (collections.defaultdict(list) for _ in range(3))  # names a second; per cent
    torch_predict = [kinds["PyTorch", 1].prepare(p) for p in predict]
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/names", "w") as names:
            names.writelines(f"{name}\n" for name, _ in examples * COPIES)
        for turn in range(ROUNDS):
            first, last = (len(batches) * k // ROUNDS for k in (turn, turn + 1))
            names_of_turn = sum(len(p.answer) for p in batches[first:last])
            for threads in sorted({1, CORES}):
                seconds, accuracy["rnn", threads] = rnn_training(threads, folder)
                train["rnn", threads].append(EPOCHS * len(training) / seconds)
                guess["rnn", threads].append(COPIES * len(examples) / rnn_prediction(threads, folder))
            seconds, _ = rnn_training(1, f"{folder}/plain", "--plain", "--epochs", "1")
            train["plain", 1].append(len(training) / seconds)
            for (kind, threads), net in kinds.items():
                set_threads(threads)
                clock = time.process_time if threads == 1 else time.perf_counter
                ready = [net.prepare(p) for p in batches[first:last]]
                start = clock()
                for k, p in enumerate(ready, first):
                    net.step(p, RATE * (1 - k / run_batches))
                train[kind, threads].append(names_of_turn / (clock() - start))
                if kind == "PyTorch":
                    net.predict(torch_predict[0])
                    start = clock()
                    for p in torch_predict:
                        net.predict(p)
                    guess[kind, threads].append(sum(len(p.answer) for p in predict) / (clock() - start))
    for key, net in kinds.items():
        accuracy[key] = 100 * sum(net.right(net.prepare(p)) for p in check) / len(validation)

    train, guess = ({key: statistics.median(x) for key, x in table.items()} for table in (train, guess))
    print(f"PyTorch {torch.__version__}, NumPy {np.__version__}, {CORES} cores, load {os.getloadavg()[0]:.1f}\n"
          f"BLAS: {os.path.realpath(blas_file())}, {blas_speed():.0f} GFLOP/s on one thread\n\n"
          "                      training   prediction   validation,\n"
          f"          threads      names/s      names/s   epoch {TIMED_EPOCHS}")
    for key in sorted(train, key=lambda key: (("rnn", "plain", "PyTorch", "NumPy").index(key[0]), key[1])):
        rest = f"{guess[key]:13,.0f}" if key in guess else " " * 13
        print(f"{key[0]:8}  {key[1]:7}  {train[key]:11,.0f}{rest}   "
              + (f"{accuracy[key]:.1f}%" if key in accuracy and (SHARE == 1 or key[0] == "rnn") else "-"))

    def best(table, kind):
        return max(speed for key, speed in table.items() if key[0] == kind)

    one, two = 1, CORES
    print("\nratio")
    for label, value in (
            ("training    rnn 1 thread / PyTorch 1 thread", train["rnn", one] / train["PyTorch", one]),
            ("            rnn best / PyTorch best", best(train, "rnn") / best(train, "PyTorch")),
            ("            rnn 1 thread / NumPy 1 thread", train["rnn", one] / train["NumPy", one]),
            (f"            rnn {two} threads / rnn 1 thread", train["rnn", two] / train["rnn", one]),
            ("            rnn 1 thread / plain", train["rnn", one] / train["plain", one]),
            ("            PyTorch 1 thread / plain", train["PyTorch", one] / train["plain", one]),
            ("prediction  rnn 1 thread / PyTorch 1 thread", guess["rnn", one] / guess["PyTorch", one]),
            (f"            rnn {two} threads / PyTorch 1 thread", guess["rnn", two] / guess["PyTorch", one]),
            ("            rnn best / PyTorch best", best(guess, "rnn") / best(guess, "PyTorch")),
            (f"            rnn {two} threads / rnn 1 thread", guess["rnn", two] / guess["rnn", one])):
        print(f"{label:48} {value:6.2f}")


main()
