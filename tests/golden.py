#!/usr/bin/python3
"""Remakes tests/golden/*.txt, which tests/golden_test.cpp and every port are held to.

    /usr/bin/python3 tests/golden.py            from the project's folder; needs python3-torch and unicode-data
    /usr/bin/python3 tests/golden.py --whole    whole.txt alone, from data/: some minutes

The network's numbers are PyTorch's, in double, one name after another with no batch: torch adds the gradients, takes
the loss from its own log_softmax, and steps with its own SGD. Text is judged by Python's own UTF-8 decoder, and folded
by Unicode's CaseFolding.txt. Nothing here follows the C++; tests/golden/README.md states the rules and the grammar of
the files.
"""

import fractions
import math
import operator
import os
import re
import struct
import sys
import unicodedata

# The last digits depend on the order in which a product adds. These name one order, so that the files can be remade.
os.environ["OPENBLAS_CORETYPE"], os.environ["ATEN_CPU_CAPABILITY"] = "Prescott", "avx2"

import torch

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
CASE_FOLDING = "/usr/share/unicode/CaseFolding.txt"
MASK = 2**64 - 1
UNKNOWN = -1
MARK = b"\xef\xbb\xbf"  # the byte order mark
PARTS = "training", "validation", "test"
VERSION = 2  # of the kit, on its page and in whole.txt: raise it with any change of a number or of a rule


# --- The files ---


class File:
    """Blocks of tokens: `name rows columns`, then the rows, one a line."""

    def __init__(self, path, encoding="ascii"):
        self.path, self.encoding, self.lines = os.path.join(FOLDER, path), encoding, []
        self.digits = 17

    def __enter__(self):
        return self

    def __exit__(self, failed, *_):
        if not failed:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            with open(self.path, "w", encoding=self.encoding, newline="\n") as out:
                out.write("".join(line + "\n" for line in self.lines))

    def table(self, name, rows):
        self.lines.append(f"{name} {len(rows)} {len(rows[0]) if rows else 0}")
        self.lines += [" ".join(map(self.text_of, row)) for row in rows]

    def text_of(self, token):
        return "%.*g" % (self.digits, token) if isinstance(token, float) else str(token)

    def row(self, name, items):
        self.table(name, [list(items)] if items else [])

    def value(self, name, item):
        self.table(name, [[item]])

    def matrix(self, name, tensor):
        self.table(name, tensor.detach().tolist())

    def parameters(self, p, before=""):
        for name in "UbWVc":
            self.matrix(before + name, p[name])


def hexadecimal(data):
    return data.hex() or "-"


# --- Random numbers, names, split ---


class SplitMix64:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def uniform(self):
        return (self.next() >> 11) / 2**53

    def shuffle(self, items):
        for i in range(len(items) - 1, 0, -1):
            j = self.next() % (i + 1)
            items[i], items[j] = items[j], items[i]


def initial_parameters(symbols, hidden, languages, random):
    def draw(rows, columns, bound):
        return torch.tensor([[(2 * random.uniform() - 1) * bound for _ in range(columns)] for _ in range(rows)])

    U = draw(hidden, symbols, 0.7)
    W = draw(hidden, hidden, 0.7 / hidden ** 0.5)
    V = draw(languages, hidden, 1.0)
    return {"U": U, "b": torch.zeros(hidden, 1), "W": W, "V": V, "c": torch.zeros(languages, 1)}


def any_parameters(symbols, hidden, languages, random, scale=1.0):
    """Parameters with nothing zero, larger than initial ones, so that tanh bends and b and c matter."""
    shapes = {"U": (hidden, symbols), "b": (hidden, 1), "W": (hidden, hidden), "V": (languages, hidden),
              "c": (languages, 1)}
    return {name: torch.tensor([[(2 * random.uniform() - 1) * scale for _ in range(columns)] for _ in range(rows)])
            for name, (rows, columns) in shapes.items()}


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


FOLDED_BLOCKS = (0x0000, 0x024F), (0x0370, 0x058F), (0x1C90, 0x1CBF), (0x1E00, 0x1EFF)


def read_folding():
    """What each capital of the blocks becomes, from Unicode's table: `code; status; mapping; # name`."""
    folding = {0x0130: 0x0069}
    with open(CASE_FOLDING, encoding="utf-8") as table:
        for line in table:
            code, status, to = ([field.strip() for field in line.split("#")[0].split(";")] + ["", ""])[:3]
            if status in ("C", "S") and any(first <= int(code, 16) <= last for first, last in FOLDED_BLOCKS):
                folding[int(code, 16)] = int(to, 16)
    return folding


FOLDING = read_folding()


def check_folding_tables():
    """The table of ranges, first, last, move, is the shortest, and the same in the program, the page and the port."""
    ranges = []
    for code, to in sorted(FOLDING.items()):
        move = to - code
        if ranges and ranges[-1][2] == move and code - ranges[-1][1] == (2 if move == 1 else 1):
            ranges[-1][1] = code
        else:
            ranges.append([code, code, move])
    for file in "../../rnn.hpp", "README.md", "port.py":
        with open(os.path.join(FOLDER, file), encoding="utf-8") as text:
            found = re.findall(r"(0x[0-9a-f]+), (0x[0-9a-f]+), (-?[0-9]+)[,})\n]", text.read())
        assert [[int(first, 16), int(last, 16), int(move)] for first, last, move in found] == ranges, file


def check_version():
    with open(os.path.join(FOLDER, "README.md"), encoding="utf-8") as page:
        assert f"version {VERSION} of the kit" in page.read()


def fold(letters):
    return letters.translate(FOLDING)


def part(name, split_seed):
    """Of a name as it came, in bytes: the first output, and its part."""
    value = SplitMix64((fnv1a(fold(name.decode()).encode()) + split_seed) & MASK).next()
    return value, PARTS[max(0, value % 10 - 7)]


def judge(line):
    """What must happen to a line; if it is accepted, also its trimmed bytes and its letters."""
    name = line.removeprefix(MARK).strip(b" \t\n\v\f\r")
    if not name:
        return "blank", b"", ""
    if len(name) > 4000:
        return "too_long", b"", ""
    try:
        letters = name.decode("utf-8")
    except UnicodeDecodeError:
        return "malformed", b"", ""
    if any(unicodedata.category(letter) == "Cc" for letter in letters):
        return "control", b"", ""
    return ("too_long", b"", "") if len(letters) > 1000 else ("accepted", name, letters)


def letter_name(letter):
    return "U+%04X" % ord(letter)


def symbols_of(name, alphabet):
    return [alphabet.index(letter) if letter in alphabet else UNKNOWN for letter in fold(name)] + [len(alphabet)]


# --- The network ---


def read_name(p, symbols):
    """a_t, h_t, o_t, y_t of t = 1..T, as columns."""
    h, steps = torch.zeros(p["W"].shape[0], 1), []
    for symbol in symbols:
        x = torch.zeros(p["U"].shape[1], 1)
        if symbol != UNKNOWN:
            x[symbol] = 1
        a = p["b"] + p["W"] @ h + p["U"] @ x
        h = torch.tanh(a)
        o = p["c"] + p["V"] @ h
        steps.append({"a": a, "h": h, "o": o, "y": torch.softmax(o, 0)})
    return steps


def step_losses(steps, language):
    return [-torch.log_softmax(step["o"], 0)[language, 0] for step in steps]


def weighted(losses, prefix_weight):
    return losses[-1] + prefix_weight * sum(losses[:-1])


def leaves(p):
    return {name: matrix.clone().requires_grad_() for name, matrix in p.items()}


def forward_backward(path, seed, hidden, symbols, languages, prefix_weight, names, scale_of_o=1, shown=None,
                     change=lambda p: None):
    p = any_parameters(symbols, hidden, languages, SplitMix64(seed))
    change(p)
    if shown:  # a large file: every parameter has three decimals, and the steps are written of these names alone
        p = {name: torch.tensor([[round(x * 0.5, 3) for x in row] for row in matrix.tolist()])
             for name, matrix in p.items()}
    p = leaves(p | {"V": p["V"] * scale_of_o, "c": p["c"] * scale_of_o})
    read = [read_name(p, name) for name, _ in names]
    for steps in read:
        for step in steps:
            for tensor in step.values():
                tensor.retain_grad()
    loss = sum(weighted(step_losses(steps, language), prefix_weight) for steps, (_, language) in zip(read, names))
    loss.backward()
    with File("forward_backward/" + path) as out:
        out.digits = 15 if shown else 17
        out.value("prefix_weight", float(prefix_weight))
        out.parameters(p)
        out.row("languages", [language for _, language in names])
        out.row("answers", [steps[-1]["o"].argmax().item() for steps in read])
        for i, (steps, (name, _)) in enumerate(zip(read, names)):
            out.row(f"name{i}.symbols", name)
            if shown and i not in shown:
                continue
            for key in "ahoy":
                out.matrix(f"name{i}.{key}", torch.cat([step[key].T for step in steps]))
            for key in "oha":
                out.matrix(f"name{i}.d{key}", torch.cat([step[key].grad.T for step in steps]))
        out.value("loss", loss.item())
        for name in "UbWVc":
            out.matrix("d" + name, p[name].grad)
    return [[step["o"].flatten().tolist() for step in steps] for steps in read]


UNEQUAL = [([0, 1, 2, 5], 0), ([3, 5], 1), ([1, UNKNOWN, 0, 0, 4, 5], 2), ([2, 2, 1, 5], 1), ([UNKNOWN, 5], 2),
           ([0, 1, 2, 5], 1)]  # the last has the symbols of the first


TO_SATURATION = ([5.5, -5.5, 6.5, -6.5], [7, -7, 8, -8], [9.5, -9.5, 10.5, -10.5], [12, -12, 13, -13],
                 [14, -14, 18, -18])  # a_1 of each letter


def write_tanh_forward_backward():
    """Where tanh nears 1 and -1, and e^(o - max o) nears 0, as far as double tells."""
    def change(p):
        p["U"][:, :5] = torch.tensor(TO_SATURATION).T - p["b"]
        p["c"][1], p["c"][2] = -11, -24

    names = [([letter, 5], 1 + letter % 2) for letter in range(5)] + [([3, 0, 4, UNKNOWN, 1, 2, 5], 1), ([4, 5], 2)]
    o = forward_backward("tanh.txt", 8, 4, 6, 3, 0.15, names, change=change)
    below = sorted(max(step) - x for name in o for step in name for x in step)
    assert all(any(low < x < low + 3 for x in below) for low in (9, 12, 22)), below


def write_large_forward_backward():
    """No matrix has a size that is a multiple of 4, or below 16: whatever is computed in pieces has a rest."""
    random = SplitMix64(6)
    names = [([random.next() % 40 for _ in range(1 + random.next() % 7)] + [40], i * 7 % 19) for i in range(40)]
    names[11][0][0], names[20][0][-2] = UNKNOWN, UNKNOWN
    for symbol in set(range(40)) - {symbol for name, _ in names for symbol in name}:
        names[symbol][0].insert(0, symbol)
    forward_backward("large.txt", 5, 37, 41, 19, 0.15, names, shown=(11, 39))
    print("forward_backward/large.txt: lengths", [len(name) for name, _ in names])


def write_forward_backward():
    forward_backward("one_name.txt", 1, 3, 5, 2, 0.15, [([0, 1, 3, 2, 4], 1)])
    def remember(p):  # so that much of the end arrives at the first steps of the long name
        p["W"] *= 1.5

    long = [k * k % 5 for k in range(65)] + [5]
    forward_backward("batch.txt", 2, 5, 6, 3, 0.15, UNEQUAL + [(long, 1)], change=remember)
    forward_backward("last_step.txt", 3, 4, 6, 3, 0, UNEQUAL)
    forward_backward("plain_sum.txt", 4, 4, 7, 5, 1, UNEQUAL + [([4, 0, 5], 4)])
    write_tanh_forward_backward()
    names = [([0, 1, 2, 5], 0), ([3, 5], 1), ([UNKNOWN, 4, 5], 0)]

    def saturate(p):  # the symbol 3 takes two units to 1 and -1
        p["U"][0, 3], p["U"][1, 3] = 800, -800

    def of_the_last(p):  # language 16, whose o is the only huge one
        p["c"][16] = 1000

    forward_backward("huge17.txt", 9, 1, 2, 17, 0.15, [([0, 1], 16), ([0, 1], 3)], change=of_the_last)
    o = forward_backward("huge.txt", 6, 4, 6, 2, 0.15, names, 2000, change=saturate)  # e^800 is infinite in double too
    steps = [(sorted(step), step[language]) for name, (_, language) in zip(o, names) for step in name]
    assert max(step[-1] for step, _ in steps) > 800, "e^o is infinite"
    assert min(step[-1] for step, _ in steps) < -800, "every e^o is 0"
    assert max(step[-1] - true for step, true in steps) > 800, "y of the name's language is 0"
    assert min(step[-1] - step[-2] for step, _ in steps) > 100, "in float y is 0 and 1, whatever the rounding of o"


# --- Training ---


class Run:
    """Training with torch's SGD: the order of each epoch, the figures of each mini-batch, and how it ended."""

    def __init__(self, set_up, p, names, languages, random):
        self.orders, self.batches, self.ended, self.p = [], [], None, leaves(p)
        self.train(set_up, names, languages, random)

    def train(self, set_up, names, languages, random):
        sgd = torch.optim.SGD(self.p.values(), lr=set_up["learning_rate"], momentum=set_up["momentum"])
        order, size = list(range(len(names))), set_up["batch_size"]
        self.total = set_up["epochs"] * -(-len(names) // size)
        for _ in range(set_up["epochs"]):
            random.shuffle(order)
            self.orders.append(list(order))
            for first in range(0, len(order), size):
                self.step(set_up, sgd, [(names[i], languages[i]) for i in order[first:first + size]])
                if self.ended:
                    return
                if len(self.batches) == 1:
                    self.after_first = {name: matrix.detach().clone() for name, matrix in self.p.items()}

    def step(self, set_up, sgd, batch):
        k = len(self.batches)
        rate = set_up["learning_rate"] * (1 - k / self.total if set_up["decay"] == "linear" else 1)
        losses = [step_losses(read_name(self.p, name), language) for name, language in batch]
        loss = sum(name[-1].item() for name in losses)
        sgd.zero_grad()
        (sum(weighted(name, set_up["prefix_weight"]) for name in losses) / len(batch)).backward()
        self.update(set_up, sgd, loss, k, rate)

    def update(self, set_up, sgd, loss, k, rate):
        norm = torch.cat([matrix.grad.flatten() for matrix in self.p.values()]).norm().item()
        if not math.isfinite(norm):
            self.ended = k, "norm"
            return
        factor = min(1.0, set_up["clip_norm"] / norm) if norm else 1.0
        for matrix in self.p.values():
            matrix.grad *= factor
        for group in sgd.param_groups:
            group["lr"] = rate
        sgd.step()
        if not math.isfinite(loss):
            self.ended = k, "loss"
        else:
            self.batches.append([loss, rate, norm, factor])


def write_run(path, set_up, initial, names, languages, random):
    run = Run(set_up, initial, names, languages, random)
    with File("training/" + path) as out:
        for name in ("hidden", "symbols", "epochs", "batch_size", "learning_rate", "momentum", "clip_norm",
                     "prefix_weight", "decay", "seed"):
            out.value(name, set_up[name])
        out.row("languages", languages)
        for i, name in enumerate(names):
            out.row(f"name{i}.symbols", name)
        out.parameters(initial, "initial.")
        out.table("order", run.orders)
        out.table("batches", run.batches)
        if run.ended:
            out.row("ended", run.ended)
        if run.batches:
            out.parameters(run.after_first, "first.")
        out.parameters(run.p, "final.")
    return run


def write_training(decay, count, momentum, clip_norm, prefix_weight):
    """Ten epochs in mini-batches of three; the last of an epoch is short if three does not divide the count."""
    letters = SplitMix64(2024)
    lengths = [3, 6, 2, 4, 4, 1, 7, 5, 3, 2, 6, 4, 1]
    names = [[letters.next() % 6 for _ in range(length)] + [6] for length in lengths][:count]
    names[3][1] = UNKNOWN
    names[9], names[7] = names[2], names[7][:-1] * 12 + [6]
    languages = [i % 3 for i in range(len(names))]
    assert languages[9] != languages[2]
    set_up = {"hidden": 5, "symbols": 7, "epochs": 10, "batch_size": 3, "learning_rate": 0.12, "momentum": momentum,
              "clip_norm": clip_norm, "prefix_weight": prefix_weight, "decay": decay, "seed": 2**63 + 2**33 + 9}
    random = SplitMix64(set_up["seed"])
    run = write_run(decay + ".txt", set_up, initial_parameters(7, 5, 3, random), names, languages, random)
    clipped = sum(factor < 1 for *_, factor in run.batches)
    print(f"training/{decay}.txt: {len(run.batches)} mini-batches, {clipped} of them clipped")
    assert len(run.batches) == run.total and len(run.batches) // 5 <= clipped < len(run.batches) - 2 and not run.ended


def write_float_training():
    """Ten updates, from initial values that are floats, in double."""
    letters = SplitMix64(77)
    names = [[letters.next() % 12 for _ in range(1 + letters.next() % 7)] + [12] for _ in range(23)]
    names[8][0] = UNKNOWN
    languages = [i % 4 for i in range(len(names))]
    set_up = {"hidden": 9, "symbols": 13, "epochs": 2, "batch_size": 5, "learning_rate": 0.35, "momentum": 0.9,
              "clip_norm": 1.6, "prefix_weight": 0.15, "decay": "linear", "seed": 11}
    random = SplitMix64(set_up["seed"])
    initial = {name: matrix.float().double() for name, matrix in initial_parameters(13, 9, 4, random).items()}
    run = write_run("float.txt", set_up, initial, names, languages, random)
    clipped = sum(factor < 1 for *_, factor in run.batches)
    print(f"training/float.txt: {len(run.batches)} mini-batches, {clipped} of them clipped")
    assert len(run.batches) == 10 and 3 <= clipped <= 7 and not run.ended


def write_ended_training():
    """Runs that end early. o of language 2 is so low that its y is exactly 0, also for names of that language. The
    gradient of one such name in a mini-batch of two has a finite norm, that of two such names has not."""
    names = [[0, 1, 3], [2, 3], [1, 0, 2, 3], [1, 3], [2, 0, 3], [0, 3], [2, 0, 3], [1, 0, 3]]
    languages = [0, 1, 0, 1, 2, 1, 2, 0]
    set_up = {"hidden": 3, "symbols": 4, "epochs": 3, "batch_size": 1, "learning_rate": 0.1, "momentum": 0.9,
              "clip_norm": 1.5, "prefix_weight": 0.15, "decay": "linear", "seed": 3}

    def run(path, names, languages, V2, c0, c2, V0=1, **settings):
        mine = set_up | settings
        random = SplitMix64(mine["seed"])
        initial_parameters(4, 3, 3, random)  # drawn and thrown away: the first shuffle goes on from there
        p = any_parameters(4, 3, 3, SplitMix64(17))
        p["V"][0] *= V0
        p["V"][2] *= V2
        p["c"][0, 0], p["c"][2, 0] = c0, c2
        return write_run(path, mine, p, names, languages, random)

    ended = run("norm_not_finite.txt", names, languages, 1e154, 0.5, -1e170, batch_size=2, learning_rate=0.02, seed=1)
    assert ended.ended[1] == "norm" and 4 < ended.ended[0] < 7  # neither the first nor the last of the second epoch
    ended = run("loss_not_finite.txt", names[:6], [0, 1, 0, 2, 2, 1], 1, 1e307, -9e307, batch_size=2, seed=1)
    assert ended.ended == (4, "loss")  # in the second epoch: two losses of 1e308; language 0 has y = 1 and no gradient
    assert any(norm == 0 for _, _, norm, _ in ended.batches[1:]) and any(norm > 0 for _, _, norm, _ in ended.batches)
    # L is infinite, since o of the two languages are further apart than any number, but not the loss or the norm.
    p = {"U": [[40.0, -40.0, -40.0]], "b": [[0.0]], "W": [[0.0]], "V": [[-1.7e308], [1.7e308]], "c": [[0.5], [0.25]]}
    p = {name: torch.tensor(matrix) for name, matrix in p.items()}
    mine = set_up | {"hidden": 1, "symbols": 3, "epochs": 2, "batch_size": 4}
    random = SplitMix64(mine["seed"])
    initial_parameters(3, 1, 2, random)
    gone_on = write_run("prefix_not_finite.txt", mine, p, [[0, 2], [1, 2], [0, 2]], [0, 0, 0], random)
    assert not gone_on.ended and len(gone_on.batches) == 2 and {loss for loss, *_ in gone_on.batches} == {0}
    ended = run("o_not_finite.txt", names, languages, 1, 1.79e308, 0, V0=1e308)  # o_0 is infinite: no number anywhere
    assert ended.ended[1] == "norm" and math.isnan(ended.p["b"].grad.norm().item())


# --- The rest ---


def write_random():
    with File("random.txt") as out:
        random = SplitMix64(1)
        out.value("seed", 1)
        out.table("next", [[random.next()] for _ in range(10)])
        random = SplitMix64(1)
        out.table("uniform", [[random.uniform()] for _ in range(10)])
        out.row("initial.sizes", [5, 3, 2])
        out.parameters(initial_parameters(5, 3, 2, SplitMix64(1)), "initial.")
        items = list(range(10))
        SplitMix64(7).shuffle(items)
        out.value("shuffle.seed", 7)
        out.row("shuffle", items)


def write_split():
    names = ["a", "foobar", "Ann", "ANN", "Müller", "Nguyễn", "Šimůnek", "Ó Briain", "de la Cruz", "Иванов", "王",
             "山田", "김", "O'Neill", "Abd-el-Kader", "Ærøskøbing", "𐍈", "Zwaan", "Rossi", "Kowalski", "Papadopoulos",
             "a" * 299 + "b",
             "STRAẞE", "Straße", "İnci", "ΑΛΈΞΗΣ", "Ǆ", "\u212a", "Ɗanjuma", "ɗanjuma", "ᲨᲝᲗᲐ", "\U0002070e\U0010fffd"]
    rows = []
    for split_seed in (0, 1, 2, MASK):
        for name in names:
            data = name.encode()
            rows.append([data.hex(), fnv1a(fold(name).encode()), split_seed, *part(data, split_seed)])
    assert {row[-1] for row in rows} == set(PARTS)
    with File("split.txt") as out:
        out.table("split", rows)


def write_text():
    alphabet = sorted(" 'abinks\u00df\u00e9\u0142\u01c6\u0257\u03c3\u0438\u0565\u10d0\u2c65\u738b\ufeff\uff21"
                      "\U00010348")
    lines = [b"Ann", b"  Ann \r", b"\t\v\f ban \f\v\t\r", b"a  b", "ban\u00e9".encode(), "\u738bab".encode(), b"A'nn",
             "\U00010348a".encode(), b"xyz", b"q", b"a\0b", "\u00a0a\u00a0".encode(), b"", b" ",
             b" \t\r", b"\r", b"\v\f"]
    lines += [MARK, MARK + b"a", MARK + b"  a \t", MARK + b" \r", MARK + MARK, MARK + MARK + b"a", b" " + MARK + b"a",
              b"a" + MARK + b"i", b"a" + MARK, MARK[:2], MARK[:2] + b"a", MARK + b"\xff"]
    lines += [bytes.fromhex(edge) for edge in (
        "7e", "c2a0", "dfbf", "e0a080", "ed9fbf", "ee8080", "efbfbf", "f0908080", "f48fbfbf",  # the edges of the ranges
        "80", "bf", "61bf", "c3", "c328", "c0af", "c1bf", "e0809f", "e09fbf", "eda080", "edbfbf", "f08f8080",
        "f0808080", "f4908080", "f5808080", "f888808080", "fc8480808080", "fe", "ff", "61ff", "e282", "e28228",
        "f09f98", "c3a9c3", "c3a92ec3", "c3c0", "f08fbfbf", "f0908d41")]
    lines += [b"a" * 1000, b" " + b"a" * 1000 + b"\r", b"a" * 1001, "\u00e9".encode() * 1000, "\u00e9".encode() * 1001,
              b"a" * 1000 + b"\xff", b"\xff" * 1001, b"\xff" * 4001, "\U00010348".encode() * 1001]
    lines += ["\U00010348".encode() * 1000, b" " + "\U00010348".encode() * 1000]
    lines += [bytes.fromhex(line) for line in (
        "e228a1", "f0289f98", "f09f2880", "c3c3", "c3ff", "f8908080",
        "e280a861", "e3808061", "65cc81", "e2808b61",  # these are accepted as they are
        "1c611f", "006100", "c28561c285", "00", "01", "1a", "1f", "7f", "c280", "c28d", "c29f", "6180", "c27f", "c2",
        "617f", "61c280", "1b5b33316d", "416e6e0937", "416e6e0a42656e", "416e6e0b42656e", "416e6e0c42656e",
        "416e6e0d42656e0d", "0d0a61", "4100e90062", "feff004100", "fffe41006e00", "410009", "00ff", "ff00", "0900")]
    lines += [b"a\t" + b"b" * 998, b"a" * 1000 + b"\tb", b"a" * 1000 + b"\0\xff", b"a" * 3999 + b"\0",
              b"a" * 3999 + b"\0b", MARK + b"a" * 1000, MARK + b"a" * 1001, MARK + MARK + b"a" * 999,
              MARK + MARK + b"a" * 1000, MARK + b"\xff" * 4000]
    lines += [line.encode() for line in (
        "BAN\u00c9", "\u0141A", "Ii\u0130\u0131", "\u1e9e\u00dfss", "S\u017f", "\u03a3\u03c3\u03c2",
        "\u01c4\u01c5\u01c6", "\u212aKk", "\u0418\u0438\u0419", "\u0535\u0565", "\uff21\uff41",
        "\U00010400\U00010428", "A\u0345", "\u00d7\u00f7\u00dd", "  A'B\r", "\u018aa\u0257\u0189", "\u0187\u01b3",
        "\u1c90\u10d0\u1cba\u1cbb\u1cbd\u1cbf", "\u10a0\u2d00", "\u023a\u2c65\u2c66\u023e", "\u2c62\u026b",
        "\u1f08\u1f00", "\ua640", "\u13a0\uab70")]
    lines += [b"A" * 1000, "\u1e9e".encode() * 1001, b"0", b"#Anna",
              "\u13f8\u1f68\u1fbe\u2126\u212b\u2132\u2160\u24b6\u2c60\u2c80\ua722\ufb05"  # Unicode folds these
              "\U000104b0\U00010c80\U000118a0\U0001e900".encode()]
    files = [(MARK + b"  Ann \r\n\r\n\tde la Cruz\r\nAnn\nB", "accepted", 0, [b"Ann", b"de la Cruz", b"B"], 1),
             (b"ann\nAnn\nann\n ann\t\n\n", "accepted", 0, [b"ann"], 3),
             (b"Ann\n\nB\xff\nC\n", "malformed", 3, [], 0),
             (b"Ann\n" + b"x" * 1001 + b"\n\xff\n", "too_long", 2, [], 0),
             (b"Ann\n" + MARK + b"Ann\n", "accepted", 0, [b"Ann"], 1),
             (MARK + b"Ann\r\nBen\r\n" + MARK + b"Cid\r\n" + MARK + b"\r\n", "accepted", 0,
              [b"Ann", b"Ben", b"Cid"], 0),
             (b"Ann\n " + MARK + b"Ann\n", "accepted", 0, [b"Ann", MARK + b"Ann"], 0),
             (b"", "no_name", 0, [], 0), (MARK, "no_name", 0, [], 0), (b"\n \r\n\n", "no_name", 0, [], 0),
             (MARK + b"\n" + MARK + b" \r\n", "no_name", 0, [], 0),
             (b"a\rb", "control", 1, [], 0), (b"Ann\rBen\rCid\r", "control", 1, [], 0),
             (b"a\r", "accepted", 0, [b"a"], 0), (b"a\r\nb\r\n\xff\r\n", "malformed", 3, [], 0),
             (b"a\rb\n\xff\n", "control", 1, [], 0),
             (b"\ta\t\nAnn\t7\n\xff\n", "control", 2, [], 0), (b"a\nb\n\x1a", "control", 3, [], 0),
             ("Ann\nZo\u00e9\n".encode("utf-16-le"), "control", 1, [], 0),
             ("Ann\n".encode("utf-16-be"), "control", 1, [], 0), (b"\xff\xfeA\0\n\0", "malformed", 1, [], 0),
             ("a\nO\u0092Neill\n".encode(), "control", 2, [], 0), (b"a\nb\0\n", "control", 2, [], 0),
             (b"a\n" + b"b\t" + b"x" * 1000 + b"\n", "control", 2, [], 0),
             (MARK + MARK + b"a", "accepted", 0, [MARK + b"a"], 0), (b"a\na\n\xff", "malformed", 3, [], 0)]
    for names, kept in (
            ("\u00c9T\u00c9 \u00e9t\u00e9 \u00c9t\u00e9 Ete", "\u00c9T\u00c9 Ete"),  # the first spelling is kept
            ("a" * 70 + "b " + "a" * 70 + "c", "a" * 70 + "b " + "a" * 70 + "c"),
            ("I \u0130 i \u0131", "I \u0131"), ("\u017fa SA", "\u017fa"),
            ("\u03a3\u0391\u03a3 \u03c3\u03b1\u03c2", "\u03a3\u0391\u03a3"),
            ("stra\u00dfe STRA\u1e9eE STRASSE", "stra\u00dfe STRASSE"), ("\u01c4 \u01c5 \u01c6", "\u01c4"),
            ("\u018aa \u0257A \u0189a \u0256a", "\u018aa \u0189a"), ("\u1c90 \u10d0 \u10a0", "\u1c90 \u10a0"),
            ("\u2c65 \u023a", "\u2c65"),
            ("k \u212a K", "k \u212a"), ("E\u0301 \u00c9 e\u0301 \u00e9", "E\u0301 \u00c9"),
            ("\u0418\u0418 \u0438\u0438 \u0419", "\u0418\u0418 \u0419"),
            ("\U00010400 \U00010428", "\U00010400 \U00010428"),
            # 61 64 and 6164, 97 100 and 97100, 10348 0061 and 1034 80061, 61 64 and 10061 64: no repeats
            ("ad \u6164 \U00017b4c \U00010348a \u1034\U00080061 \U00010061d ad",
             "ad \u6164 \U00017b4c \U00010348a \u1034\U00080061 \U00010061d")):
        kept, names = kept.encode().split(b" "), names.encode().split(b" ")
        files.append((b"\n".join(names), "accepted", 0, kept, len(names) - len(kept)))
    with File("text.txt") as out:
        out.table("folding", [[letter_name(chr(code)), letter_name(fold(chr(code)))]
                              for first, last in FOLDED_BLOCKS for code in range(first, last + 1)])
        out.table("alphabet", [[letter_name(letter)] for letter in alphabet])
        judged = [judge(line) for line in lines]
        out.table("lines", [[hexadecimal(line), verdict, hexadecimal(name)]
                            for line, (verdict, name, _) in zip(lines, judged)])
        for i, (verdict, _, letters) in enumerate(judged):
            if verdict == "accepted" and len(letters) < 1000:
                out.row(f"line{i}.letters", [letter_name(letter) for letter in letters])
                out.row(f"line{i}.folded", [letter_name(letter) for letter in fold(letters)])
                out.row(f"line{i}.symbols", symbols_of(letters, alphabet))
        out.table("files", [[hexadecimal(data), verdict, line, repeats] for data, verdict, line, _, repeats in files])
        for i, (*_, names, _) in enumerate(files):
            out.table(f"file{i}.names", [[name.hex()] for name in names])


def names_of(text):
    """The names of a file that is accepted."""
    names = {}  # by folded form
    for line in text.split(b"\n"):
        verdict, name, letters = judge(line)
        if verdict == "accepted":
            names.setdefault(fold(letters), name)
    return list(names.values())


def is_list(file):
    return file.endswith(b".txt") and not file.startswith(b".")


def language_of(file):
    stem = file.removesuffix(b".txt").decode()
    return "".join("_" if letter in " \t\n\v\f\r" else letter for letter in stem).encode()


def write_data():
    split_seed = 4
    files = {"zapotec\tof  the valley.txt": "xhu\n B\u00e9nn\t\nLuu\nGuie'\nNisa\nBi\nLUU\nB\u00c9NN\n",
             "\U00010330.txt": "\U00010330\U00010344\U00010344\U00010330\nWulfila\n\U00010332\U0001033f\nANNA\n"
                               "\U00010400\n",
             "Irish-Old.txt": "Ann\nBr\u00edg\n  Niall \nC\u00fa Chulainn\n\u1681\u1689\nAed\nBR\u00cdG\n",
             " a\x1c\u00a0b.txt.txt": "Ann\nXan\n", "x\v\f\ry.txt": "Ann\nXen\n",
             "9.txt": "Ann\nNine\n", "10.txt": "Ann\nTen\n", "\ufeffBt.txt": "Ann\nBtt\n",
             "README.md": "No names\nQqq\n", ".txt": "Qqq\n",
             ".hidden.txt": "Qqq\nANN\n", "X.TXT": "Qqq\nANN\n",
             "Atxt": "Qqq\n", "x.txt\n": "Qqq\n", "a.txt.b.txt": "Anna\nQ'ara\nAnnu\n",
             "._Irish.txt": "\0\5\26\7\0", "a.b.txt": "Ann\nAnna\nAnne\nAnni\n\ufeffAnno\nAnnu\n", "Zulu.txt~": "Qqq\n",
             "\uff21.txt": "\uff21\uff42\n\ufffdx\n\uff22\uff23\n\uff22\uff23\n",
             "Zulu.txt": "Zanele\nThabo\nNandi\nANN\n\u01c3Xabo\nannA\n\u01c4o\n",
             "Irish Free State.txt": "O'NEILL\nStra\u00dfe\n\u0130nn\u0131s\nSTRA\u1e9eE\nMurphy\nClare\nClare\n",
             "Irish.txt": "\ufeffO'Neill\r\nMURPHY\r\n\r\nAnn\r\nByrne \r\nWalsh\r\nO'NEILL\r\nKelly\r\nRyan\r\n"
                          "murphy"}
    files = {name.encode(): text.encode() for name, text in files.items()}
    text_of_language = {language_of(name): text for name, text in files.items() if is_list(name)}
    languages = sorted(text_of_language)
    examples = {each: [] for each in PARTS}
    for k, language in enumerate(languages):
        for name in names_of(text_of_language[language]):
            examples[part(name, split_seed)[1]].append((k, name))
    letters_in = {each: {letter for _, name in examples[each] for letter in fold(name.decode())} for each in PARTS}
    alphabet = sorted(letters_in["training"])
    utf16 = sorted(alphabet, key=lambda letter: letter.encode("utf-16-be"))
    lines = [line for text in files.values() for line in text.split(b"\n") if judge(line)[0] == "accepted"]
    assert languages != [language_of(name) for name in sorted(files) if is_list(name)]
    assert {k for k, _ in examples["training"]} == set(range(len(languages))), "every language has a training name"
    assert utf16 != alphabet and all(examples.values())
    assert letters_in["validation"] - letters_in["training"] and letters_in["test"] - letters_in["training"]
    assert any(part(line, split_seed)[1] != part(judge(line)[1], split_seed)[1] for line in lines)
    with File("data.txt") as out:
        out.value("split_seed", split_seed)
        out.table("files", [[name.hex(), hexadecimal(text)] for name, text in files.items()])
        out.table("languages", [[language.hex()] for language in languages])
        out.table("alphabet", [[letter_name(letter)] for letter in alphabet])
        for each in PARTS:
            out.table(each, [[k, name.hex()] for k, name in examples[each]])
            for i, (_, name) in enumerate(examples[each]):
                out.row(f"{each}{i}.symbols", symbols_of(name.decode(), alphabet))


def write_folders():
    """Folders that training takes, or refuses for one reason each."""
    split_seed = 4
    kept = [name for name in (b"Ann", b"Ben", b"Cid", b"Dan", b"Eve") if part(name, split_seed)[1] == "training"][:2]
    others = [name for name in (b"Ann", b"Ben", b"Cid", b"Dan", b"Eve", b"Fay", b"Gus", b"Hal", b"Ida", b"Jan", b"Kit",
                                b"Leo", b"Max") if part(name, split_seed)[1] != "training"]
    good = kept[0] + b"\n" + kept[1] + b"\r\n"
    assert {part(name, split_seed)[1] for name in others} == {"validation", "test"}
    folders = [
        ("accepted", {b"A.txt": good, b"B.txt": good, b".C.txt": b"\xff", b"D.TXT": b"", b"E": b"\0", b"F.txt~": b""}),
        ("few_languages", {b"A.txt": good}),
        ("few_languages", {b"A.txt": good, b"B.TXT": good, b".C.txt": good, b"D.md": good, b"txt": good}),
        ("few_languages", {}), ("few_languages", {b"A.md": good}),
        ("same_language", {b"A B.txt": good, b"A_B.txt": good, b"C.txt": good}),
        ("same_language", {b"A\tB.txt": good, b"A B.txt": good}),
        ("same_language", {b"A B.txt": good, b"C.txt": good, b"A_B.txt": good}),
        ("accepted", {b"1.txt": good, b"01.txt": good}), ("accepted", {b"A.txt": good, b"B\1.txt": good}),
        ("bad_language", {b"A.txt": good, b"B.txt": good, b"Caf\xe9.txt": good}),
        ("accepted", {b"a.txt": good, b"A.txt": good}), ("accepted", {b"A.B.txt": good, b"A.txt": good}),
        ("bad_file", {b"A.txt": good, b"B.txt": good + b"\xff\n"}),
        ("bad_file", {b"A.txt": good + b"x" * 1001, b"B.txt": good}),
        ("bad_file", {b"A.txt": good, b"B.txt": good, b"C.txt": b"Ann\t7\n"}),
        ("bad_file", {b"A.txt": good, b"B.txt": good, b"C.txt": b""}),
        ("bad_file", {b"A.txt": MARK + b"\n \n", b"B.txt": good}),
        ("bad_language", {b"A\xff.txt": good, b"B.txt": good, b"C.txt": good}),
        ("no_training_name", {b"A.txt": good, b"B.txt": others[0] + b"\n"}),
        ("no_training_name", {b"A.txt": b"\n".join(others), b"B.txt": good, b"C.txt": good}),
        ("accepted", {b"A.txt": b"\n".join(others) + b"\n" + kept[0], b"B.txt": good})]
    with File("folders.txt") as out:
        out.value("split_seed", split_seed)
        out.table("verdicts", [[verdict] for verdict, _ in folders])
        for i, (_, files) in enumerate(folders):
            out.table(f"folder{i}", [[name.hex(), hexadecimal(text)] for name, text in files.items()])


def figures(truth, answered, languages):
    """Accuracy, F1 of each language, and macro F1, in per cent."""
    right, taken, there = ([sum(map(k.__eq__, its)) for k in range(languages)] for its in (
        [x for x, y in zip(truth, answered) if x == y], answered, truth))
    f1 = [float(200 * fractions.Fraction(r, p + t)) if r else 0.0 for r, p, t in zip(right, taken, there)]
    tested = [f for f, t in zip(f1, there) if t]
    return 100 * sum(right) / len(truth), f1, sum(tested) / len(tested)


def write_choice():
    """Which epoch is kept, and the figures of a test."""
    runs = [([2.5, 1.75, 1.25, 1.0, 0.75, 0.5], [2.0, 1.625, 1.375, 1.25, 1.3125, 1.5], 3),  # decreases, then increases
            ([2.5, 2.0, 1.5, 1.25, 1.0], [2.0, 1.5, 1.75, 1.5, 1.625], 1),  # a tie: the first
            ([2.5, 1.5, 1.75, 1.5, 2.0], None, 1),  # no validation names
            ([2.0, 1.0, 1.5, 1.25, 1.125], [2.5, 2.25, 2.0, 2.0625, 1.875], 4),  # it may get worse between
            ([1.5, 1.75, 2.0], [1.5, 1.75, 2.0], 0), ([0.5], [4.5], 0),
            ([3.0, 1.0, 2.0, 4.0], [2.0, 3.0, 1.0, 0.9375], 3),
            ([3.0, 2.0, 1.0], [0.75, 0.50000002, 0.5], 2),  # lower by little
            ([3.0, 2.0, 1.0], [3e10, 2e10, 4e10], 1)]
    truth = [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 1, 0]
    answered = [0, 0, 0, 0, 1, 3, 3, 1, 1, 0, 4, 0, 1, 0, 0]
    accuracy, f1, macro_f1 = figures(truth, answered, 6)  # 2 is never answered, 3 and 4 never tested, 5 neither
    with File("choose.txt") as out:
        for i, (training, validation, _) in enumerate(runs):
            for name, losses, step in ("training", training, 1.5), ("validation", validation or [], -2.25):
                out.table(f"run{i}.{name}", [[loss, 50 + step * k] for k, loss in enumerate(losses)])
        out.row("kept", [kept + 1 for *_, kept in runs])
        out.value("languages", 6)
        out.row("true", truth)
        out.row("answered", answered)
        out.value("accuracy", accuracy)
        out.row("f1", f1)
        out.value("macro_f1", macro_f1)
    for training, validation, kept in runs:
        losses = validation or training
        assert losses[kept] == min(losses) and losses.index(min(losses)) == kept


def by_decreasing_length(indices, names):
    return sorted(indices, key=lambda i: -len(names[i]))  # sorted is stable


def write_packing():
    random = SplitMix64(5)
    names = [[0, 1, 2, 5], [3, 5], [1, UNKNOWN, 0, 0, 4, 5], [2, 2, 1, 5], [UNKNOWN, 5], [4, 3, 5], [0, 5],
             [1, 1, 1, 1, 2, 5], [3, 0, 5], [4, 2, 0, 5], [5]]
    order = by_decreasing_length(range(len(names)), names)
    steps = [[names[i][t] for i in order if t < len(names[i])] for t in range(len(names[order[0]]))]
    shuffled, batch_size = list(range(len(names))), 4
    random.shuffle(shuffled)
    batches = [shuffled[first:first + batch_size] for first in range(0, len(shuffled), batch_size)]
    with File("packing.txt") as out:
        out.value("names", len(names))
        for i, name in enumerate(names):
            out.row(f"name{i}.symbols", name)
        out.row("order", order)
        out.row("rows", [len(step) for step in steps])
        for t, step in enumerate(steps):
            out.row(f"step{t + 1}.symbols", step)
        out.value("epoch.seed", 5)
        out.value("epoch.batch_size", batch_size)
        out.row("epoch.order", shuffled)
        for k, batch in enumerate(batches):
            out.row(f"batch{k}", batch)
            out.row(f"batch{k}.order", by_decreasing_length(batch, names))


def as_float(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def shortest(value):
    """The shortest decimal that reads back to the same float; plain if the form with an exponent is no shorter."""
    digits = next(d for d in range(9) if as_float(float("%.*e" % (d, value))) == value)
    scientific = "%.*e" % (digits, value)
    plain = "%.*f" % (max(0, digits - int(scientific.split("e")[1])), value)
    return plain if len(plain) <= len(scientific) else scientific


OPTIONS = ("--hidden_dim 6 --epochs 10 --batch_size 32 --learning_rate 0.015 --clip_norm 10 --momentum 0.9 "
           "--prefix_weight 0.15 --decay linear --seed 1 --split_seed 18446744073709551615")


def model_lines(epoch, split_seed, options, hidden, languages, alphabet, matrices):
    """matrices: rows of words by name."""
    lines = ["rnn-model 2", f"epoch {epoch}", f"split_seed {split_seed}", f"options {options}", f"hidden {hidden}",
             f"languages {len(languages)}", *languages, f"letters {len(alphabet)}", *map(letter_name, alphabet)]
    for name in "UbWVc":
        lines.append(f"{name} {len(matrices[name])} {len(matrices[name][0])}")
        lines += [" ".join(row) for row in matrices[name]]
    return lines + ["end"]


def write_model():
    alphabet, languages = sorted(" '-abcdeinorstz\u00e9\u0142\u0438\u738b"), ["Irish", "Polish", "Vietnamese"]
    random = SplitMix64(12)
    p = any_parameters(len(alphabet) + 1, 6, len(languages), random, 1.5)
    p = {name: torch.tensor([[as_float(x) for x in row] for row in matrix.tolist()]) for name, matrix in p.items()}
    p["W"][0, 1], p["W"][1, 0], p["U"][0, 0] = 0.0, as_float(1e-7), -1.0
    p["W"][2, 0], p["b"][4, 0] = -0.0, as_float(0.001)
    p["U"][2, alphabet.index("\u0438")], p["U"][3, alphabet.index("\u0142")] = 2.0**24, 1e10
    matrices = {name: [list(map(shortest, row)) for row in matrix.tolist()] for name, matrix in p.items()}
    words = {word for matrix in matrices.values() for row in matrix for word in row}
    assert {"16777216", "1e+10", "0.001", "1e-07", "-0", "0"} <= words
    names = ["A", "z", "\u738b", "qqq", "Ann", "O'Brien", "de la Cruz", "Anna-Beata", "\u0438\u0418",
             "\u00e9T\u00c9", "Zi\u0142na", "X", "a" * 40, "ANNA", "I\u0130\u0131", "ZI\u0141NA", "\u017fina",
             "\u212ain", "\u00c0\uff21a"]
    while len(names) < 50:
        name = "".join((alphabet + ["q", "\u00df"])[random.next() % (len(alphabet) + 2)]
                       for _ in range(1 + random.next() % 12)).strip(" ")
        if name and name not in names:
            names.append(name)
    lines, _ = write_read_model("", 3, MASK, OPTIONS + " ", languages, alphabet, matrices, names)
    write_refusals(lines)
    write_filter(p, languages, alphabet)


def write_filter(p, languages, alphabet):
    """Whole inputs of a program that answers line by line with model.txt, and what it writes."""
    lines = [b"Ann", b"  D'Or  ", b"ANNA\r", b"", b"qqq", b" \r", b"\r", b" \t ", b"Zi\xc3", b"Ben", b"?",
             b"x" * 1001, b"\xc3\xa9" * 1001, b"o" * 1000, b"\xc3\xa9" * 600, b"Ann\tBen", b"\tde la Cruz",
             b"Ann \t", b"A\1n", b"A\0n",
             b"Ann\x7f", "Ann\u0085".encode(), b"Ann\rBen", b"Rosa\r\r", MARK + b"Ann", MARK, MARK + MARK,
             b"Ann" + MARK, b"\vAnn\f", b"r r", b"T-T", "\u5409".encode(), "\u5409i".encode(), "Nguy\u1ec5n".encode(),
             "\u738b".encode(), "ZO\u00c9".encode(), "\u0141A\u0143".encode(), b"\xff\tAnn",
             b"\xff" * 4001, b"q q q", b"q\tq", b"\xed\xa0\x80",
             "\u2028".encode(), ("\uffff" + "o" * 1000).encode(),
             "q\u0308".encode(), "E\u0416\u0438".encode(), b"B\tq\r", b"", MARK + b"Ann\r",
             MARK + MARK + b"Ann", b" " + MARK + b"Ann", MARK + b" Ann", MARK + b"q", MARK + b" \r", MARK + b"Ann\tBen",
             MARK + b"\tAnn", MARK + b"\xff", MARK + b"x" * 1001, " \u4e00 ".encode(), b" " + b"o" * 1001 + b" ",
             b"o" * 99 + b"i", b"o" * 299 + b"i", b"o" * 999 + b"i", b"abr", b"Bob"]
    inputs = [b"\n".join(lines), b"Ann\n\n", b"", b"Ann\nBob\n", b"\n", b"Bob", MARK + b"Bob\r\n\r\n", b"\r", MARK]

    def answer(line):
        verdict, _, letters = judge(line)
        line = line.removeprefix(MARK).removesuffix(b"\r")
        if verdict == "blank":
            return line
        symbols = symbols_of(letters, alphabet)
        if verdict != "accepted" or b"\t" in line:
            shown = line.decode(errors="replace")
            is_plain = not re.search("[\0-\x1f\x7f-\x9f\ufffd]", shown)
            return (line if is_plain else b"?") + b"\t?\t0"
        if set(symbols[:-1]) == {UNKNOWN}:
            return line + b"\t?\t0"
        y = read_name(p, symbols)[-1]["y"].flatten().tolist()
        assert abs(max(y) * 1e6 % 1 - 0.5) > 0.2, f"six decimals might be rounded otherwise: {line}"
        return line + b"\t" + languages[y.index(max(y))].encode() + b"\t%.6f" % max(y)

    with File("answers.txt") as out:
        out.table("inputs", [[hexadecimal(data)] for data in inputs])
        for i, data in enumerate(inputs):
            lines = data.removesuffix(b"\n").split(b"\n") if data else []
            out.table(f"output{i}", [[hexadecimal(answer(line))] for line in lines])


def write_answers(out, p, names, alphabet):
    """y_T of each name, and the first of its largest entries."""
    answers = [read_name(p, symbols_of(name, alphabet))[-1]["y"].flatten().tolist() for name in names]
    out.table("probabilities", [[name.encode().hex()] + y for name, y in zip(names, answers)])
    out.table("answers", [[y.index(max(y))] for y in answers])
    assert all(other == max(y) or other < max(y) - 1e-4 for y in answers for other in y), "float finds the same"
    return answers


def write_refusals(lines):
    """Edits of model.txt, and the line that a reader must name, or 0 where it must take it; lines count from 1."""
    rows = []

    def edit(first, last, new, refused):
        rows.append([first, last, hexadecimal(new), refused])

    def put(line, new, later=0):
        """`new` for one line; the line `later` lines below is refused."""
        first = lines.index(line) + 1
        edit(first, first, new if isinstance(new, bytes) else new.encode() + b"\n", first + later)

    end = len(lines)
    U, b, W, V, c = (next(i for i, line in enumerate(lines, 1) if line.startswith(name + " ")) for name in "UbWVc")
    edit(1, end, b"", 1)
    for new in ("rnn-model 1", "rnn-model 3", "rnn-model 20", "rnn-model 02", "rnn-model", "rnn-model 2 ",
                "rnn-model 2\r", "\ufeffrnn-model 2", "\nrnn-model 2"):
        put(lines[0], new)
    for new in ("epoch -3", "epoch +3", "epoch 3.0", "epoch 0x3", "epoch 3 ", " epoch 3", "epoch  3", "epoch\t3",
                "epoch 3 3", "epoch ", "epoch", "Epoch 3", "epochs 3", "epoch 3\r", "epoch 18446744073709551616",
                "epoch 100000000000000000000"):
        put(lines[1], new)
    for new in ("split_seed 18446744073709551616", "split_seed 36893488147419103231", "seed 1"):
        put(lines[2], new)
    edit(3, 3, b"", 3)
    for new in (b"options\n", b"options \n", b"\n", b"option x\n", b"Options x\n", b" options x\n", b"options\tx\n",
                b"options\rx\n", b"options\0x\n", b"optionsx\n", b""):
        edit(4, 4, new, 4)
    for new in (b"options x\n", b"options  \n", b"options \r\n", b"options \0\n", b"options hidden 7\n",
                b"options --seed  1\t\xff\xfe \n", b"options 0\n", b"options " + b"x" * 5000 + b"\n"):
        edit(4, 4, new, 0)
    for new in ("hidden 0", "hidden 4097", "hidden -6", "hidden +6", "hidden 6.0", "hidden 6 ", " hidden 6",
                "hidden  6", "hidden\t6", "hidden 6 6", "hidden ", "hidden", "Hidden 6", "hidden_dim 6", "hidden 6\r",
                "hidden 18446744073709551616", "hidden 18446744073709551615", "hidden 4294967302"):
        put("hidden 6", new)
    edit(5, 5, b"", 5)
    for new in ("languages 9223372036854775808", "languages 18446744073709551615", "languages 4096",
                "languages 4294967299"):
        put("languages 3", new)
    edit(6, 9, b"languages 0\n", 6)
    edit(6, 9, b"languages 1\nIrish\n", 6)
    put("languages 3", "languages 2", 3)  # the line after is then no count of letters
    put("languages 3", "languages 4", 4)
    put("Irish", "")
    put("Irish", "Polish", 1)
    put("Polish", "Irish")
    put("Polish", "Zulu", 1)
    put("Polish", "polish", 1)
    edit(7, 7, b"0\n", 0)
    edit(7, 7, b"I" + b"x" * 5000 + b"\n", 0)
    edit(7, 9, b"10\n9\nA\n", 0)
    edit(8, 8, b"Po\0lish\n", 0)
    for new in ("Pol ish", "Polish ", "Polish\r", "Pol\tish", "Pol\vish", "Pol\fish"):
        put("Polish", new)
    for new in (b"Pol\xffsh\n", b"Pol\xc3\n", b"P\xed\xa0\x80\n", b"P\xc1\xaf\n"):
        put("Polish", new)
    for new in ("letters 18446744073709551615", "letters 2635249153387078803", "letters 1000", "letters -1",
                "letters 4294967315"):
        put("letters 19", new)
    put("letters 19", "letters 18", 19)
    put("letters 19", "letters 20", 20)
    for new in ("U+002d", "u+002D", "U+2D", "U+0002D", "U-002D", "U+002D ", "U+002G", "U+ 02D", "U++02D", "002D", "-",
                "U+D800", "U+DFFF", "U+110000", "U+100000041", "U+100000061", "U+0027", "U+001F", ""):
        put("U+002D", new)
    put("U+002D", "U+0061", 1)  # it is no smaller than the next
    put("U+0061", "U+0041")  # folding changes these
    for new in ("U+0178", "U+0181", "U+0186", "U+01C4", "U+01C5", "U+023A", "U+03C2", "U+0418", "U+0531", "U+1C90",
                "U+1CBF", "U+1E9E", "U+1EFE"):
        put("U+0438", new)
    edit(lines.index("U+00E9") + 1, lines.index("U+00E9") + 1, b"U+00A0\n", 0)
    for new in ("U+0149", "U+0180", "U+0253", "U+0345", "U+0587", "U+10A0", "U+10D0", "U+1C80", "U+1CBB", "U+1E96",
                "U+1F08", "U+212A", "U+2C00", "U+2C65"):  # and not these
        edit(lines.index("U+0438") + 1, lines.index("U+0438") + 1, new.encode() + b"\n", 0)
    for new in ("U 0 20", "U 4097 20", "U 6 19", "U 6 21", "U -6 20", "U 6", "U 6 20 1", "V 6 20", "U 7 20", "U 5 20",
                "U 20 6", "U 6.0 20", "U 6 20x", "U  6 20", "U 6 20 ", "U 18446744073709551615 20", "U 4294967302 20",
                "U 6 4294967316"):
        put("U 6 20", new)
    between = b"".join(line.encode() + b"\n" for line in lines[5:U - 1])
    for hidden in (5, 7, 40, 4096):
        edit(5, 5, b"hidden %d\n" % hidden, U)
    for hidden, refused in (5, b - 1), (7, b), (40, U), (4096, U):  # the text has no room for U and W of 40
        edit(5, U, b"hidden %d\n%sU %d 20\n" % (hidden, between, hidden), refused)
    assert 2 * 40 * 20 < sum(len(line.encode()) + 1 for line in lines[U:]) < 2 * 40 * (20 + 40)
    for rest, later in (b"a\nb", 0), (b"a\nb\n", 3):  # room to the byte: for languages, letters, numbers
        edit(6, end, b"languages 2\n" + rest, 6 + later)
    for rest, later in (b"U+0061", 0), (b"U+0061\n", 2):
        edit(6, end, b"languages 2\na\nb\nletters 1\n" + rest, 9 + later)
    for rest, later in (b"1\nb 1 1\n1\nW 1", 0), (b"1\nb 1 1\n1\nW 1 ", 4):
        edit(5, end, b"hidden 1\nlanguages 2\na\nb\nletters 0\nU 1 1\n" + rest, 10 + later)
    languages = b"".join(b"x%03d\n" % k for k in range(200))  # nor for V of 200 languages
    start = b"hidden 1\nlanguages 200\n" + languages + b"letters 0\n"
    small = b"U 1 1\n1\nb 1 1\n1\nW 1 1\n1\nV 200 1\n"
    edit(5, end, start + small + b"1\n" * 100, 5 + 1 + 200 + 1 + 1)
    edit(5, end, start + small + b"1\n" * 200 + b"c 200 1\n" + b"1\n" * 200 + b"end\n", 0)
    letters = b"".join(b"U+%04X\n" % (0x4E00 + k) for k in range(200))  # nor for U of 200 letters
    start = b"hidden 1\nlanguages 2\na\nb\nletters 200\n" + letters + b"U 1 201\n"
    edit(5, end, start + b"1 1 1\nb 1 1\n1\nW 1 1\n1\nV 2 1\n1\n1\nc 2 1\n1\n1\nend\n", 5 + 3 + 201 + 1)
    edit(5, end, start + b"1 " * 200 + b"1\nb 1 1\n1\nW 1 1\n1\nV 2 1\n1\n1\nc 2 1\n1\n1\nend\n", 0)
    row = b"1" + 11 * b" 1" + b"\n"  # two bytes each, and hardly more
    edit(5, end, b"hidden 12\nlanguages 2\na\nb\nletters 0\nU 12 1\n" + b"1\n" * 12 + b"b 12 1\n" + b"1\n" * 12 +
         b"W 12 12\n" + row * 12 + b"V 2 12\n" + row * 2 + b"c 2 1\n1\n1\nend\n", 0)
    for line, news in ((b, ("b 5 1", "b 6 2", "b 1 6", "b 6", "c 6 1")), (W, ("W 6 5", "W 5 6", "U 6 6")),
                       (V, ("V 2 6", "V 6 3", "V 3 5")), (c, ("c 2 1", "c 1 3", "c 3 2"))):
        for new in news:
            edit(line, line, new.encode() + b"\n", line)
    numbers = ("inf", "-inf", "infinity", "nan", "NAN", "1e39", "-1e39", "1e999999999999",
               "340282356779733661637539395458142568448", "0x1", "0x1p3", "1e", "1e+", "1e5.0", ".", "+", "-", "e5",
               "--1", "+-1", "1..2", "1.2.3", "1,5", "1_0", "1d", "1f", "1.5\u00a0", "\u0661", "", " 1", "1 ", "\t1",
               "1\t", "1\r", "1 1", "1\v", "1\0")
    for number in numbers:
        edit(b + 2, b + 2, number.encode() + b"\n", b + 2)
    for number in ("3.40282347e+38", "-3.40282347E38",  # the largest float, as most programs write it
                   "1." + "0" * 300, "1e-99999999999999999999"):
        edit(b + 2, b + 2, number.encode() + b"\n", 0)
    row = lines[U + 1].split()
    for new in (row[:-1], row + ["0"], row[:3] + [""] + row[3:], [""] + row, row + [""], row[:3] + ["nan"] + row[4:]):
        edit(U + 2, U + 2, " ".join(new).encode() + b"\n", U + 2)
    edit(U + 2, U + 2, "\t".join(row).encode() + b"\n", U + 2)
    edit(U + 2, U + 2, b"", b - 1)  # a row too few: the next matrix stands where it was
    edit(W + 2, W + 2, b"", V - 1)
    edit(b, b, b"\nb 6 1\n", b)
    edit(end, end, b"end", end)
    edit(end, end, b"", end)
    edit(end, end, b"END\n", end)
    edit(end, end, b"end \n", end)
    edit(end, end, b"\nend\n", end)
    for behind in (b"\n", b"end\n", b" ", b"\0"):
        edit(end, end, b"end\n" + behind, end + 1)
    edit(W + 1, end, b"", W + 1)  # cut off behind a line
    edit(W + 1, end, lines[W].encode()[:20], W + 1)  # cut off within one
    with File("refusals.txt") as out:
        out.table("edits", rows)


def nearest_float(decimal):
    """The float nearest to a decimal, by exact fractions; of two equally near the one whose last bit is 0."""
    def float_of(bits):
        return struct.unpack("f", struct.pack("I", bits))[0]

    exact, largest = abs(fractions.Fraction(decimal)), 0x7F7FFFFF
    low, high = 0, largest  # bits, which rise with the float; in the end `low` is the last float not above
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if float_of(middle) <= exact else (low, middle - 1)
    if low < largest:
        below, above = exact - fractions.Fraction(float_of(low)), fractions.Fraction(float_of(low + 1)) - exact
        low += above < below or (above == below and low % 2 == 1)
    else:
        assert exact < 2**128 - 2**103
    return -float_of(low) if decimal.startswith("-") else float_of(low)


def write_read_model(number, epoch, split_seed, options, languages, alphabet, matrices, names):
    """A model, what a reader must take from it, and its answers; returns the model's lines and the answers."""
    p = {name: torch.tensor([[nearest_float(word) for word in row] for row in rows]) for name, rows in matrices.items()}
    hidden = len(matrices["U"])
    lines = model_lines(epoch, split_seed, options, hidden, languages, alphabet, matrices)
    with File(f"model{number}.txt", encoding="utf-8") as out:
        out.lines = lines
    with File(f"probabilities{number}.txt") as out:
        out.value("epoch", epoch)
        out.value("split_seed", split_seed)
        out.value("options", options.encode().hex())
        out.value("hidden", hidden)
        out.table("languages", [[language.encode().hex()] for language in languages])
        out.table("letters", [[letter_name(letter)] for letter in alphabet])
        out.parameters(p)
        return lines, write_answers(out, p, names, alphabet)


def write_second_model():
    """A model that a narrow reader refuses or misreads. Two languages have equal rows, so that their y are equal."""
    alphabet = sorted("\0\t ak\u00e9\u1c80\u212a\ud7ff\ue000\ufeff\U00010348\U0010ffff")
    languages = ["\0A\0", "a\u00a0b", "\u0395\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac", "\ufeffx", "\U00010330"]
    half_of_the_smallest = ("7.0064923216240853546186479164495806564013097093825788587853"
                            "4141944895541342930300743319094181060791015625e-46")
    matrices = {
        "U": [["+.5", "5.", "1E-2", "1e-45", "-0", "000.25", "1000.00006", "-1000.00006103515625", "2.5e-0001",
               "3.4028235677973366e38", "340282356779733661637539395458142568447", "-3.4028235677973366e38", "1e-400",
               "-1.25E+0"],
              [half_of_the_smallest.replace("e-46", "0001e-46"), "7.00649232162408535461864791644958e-46",
               half_of_the_smallest, "-7.1e-46", "1.17549435e-38", "1.1754942e-38", "-1.0000001", "1.4e-45", "-.5e0",
               "-1e-100000", "0e99999", "1.00000005960464477540000000001", "1.000000059604644775390625",
               "1.00000017881393432617187499"],
              ["1.000000178813934326171875", "-1.00000005960464477540000000001", "0." + "0" * 50 + "7e50",
               "-100000000000000000000e-20", "123456789012345678901234567890e-30", "16777217", "8.5899346e9", "-1e-10",
               "-16777219", "16777217.0000000000000000001", "+0", "1e0", "-0.3", "9.999999999999999999999999999e-1"]],
        "b": [["0.1"], ["-.2"], ["+3e-1"]],
        "W": [["0.5", "-0.25", "+.125"], ["1e-1", "-1E-1", "7.5e-01"], ["-00.6", "6.25E-2", "0.3"]],
        "V": [["2.5", "-1.5", ".75"], ["0", "-0", "0."], ["-2.", "1.25", "+1.5"], [".0", "0e0", "+0"],
              ["5e-1", "-2.25E0", "-1"]],
        "c": [["2."], ["+.25"], ["-3.125"], ["25e-2"], ["1.5E0"]]}
    names = ["A", "a", "\u00e9", "\U00010348", "\U00010348A\U00010348", "a a", "a\ufeff", "a\ufeffA",
             "\ue000\ud7ff", "\U0010ffff", "q", "\U0001f600A", "Aa Aa", "aaaa", "\u00c9\u00e9A", "e\u0301", "qqq",
             "\ud7ff\U0010ffffaA", "K", "\u212a", "\u1c80", "\u0432k", "\u0412\u1c80"]
    options = "  \u00a0--seed=1  \t \ufeff "
    _, answers = write_read_model(2, 0, 9007199254740993, options, languages, alphabet, matrices, names)
    answered = [y.index(max(y)) for y in answers]
    assert all(y[1] == y[3] for y in answers) and answered.count(1) > 2 and len(set(answered)) > 2


def write_smallest_model():
    """No letters, one hidden unit, three languages, of which the first two always have equal probabilities."""
    matrices = {"U": [["0.75"]], "b": [["-0.5"]], "W": [["1.25"]], "V": [["0"], ["0"], ["-2.5"]],
                "c": [["0"], ["1e-30"], ["-1.25"]]}  # o differ where y do not
    _, answers = write_read_model(3, MASK, 0, "-", ["A", "B", "C"], [], matrices, ["a", "Zulu", "\u738b" * 12])
    assert len(set(map(tuple, answers))) == 3 and all(y[0] == y[1] for y in answers)
    assert {y.index(max(y)) for y in answers} == {0, 2}


# --- The whole: training on data/ ---

DATA = os.path.join(os.path.dirname(FOLDER), os.pardir, "data")
DEFAULTS = {"hidden": 128, "epochs": 10, "batch_size": 32, "learning_rate": 0.015, "momentum": 0.9, "clip_norm": 10,
            "prefix_weight": 0.15, "decay": "linear", "seed": 1, "split_seed": 1}


def files_of_data():
    files = {}
    for file in filter(is_list, sorted(map(os.fsencode, os.listdir(DATA)))):
        with open(os.path.join(os.fsencode(DATA), file), "rb") as text:
            files[file] = text.read()
    return files


class Data:
    def __init__(self, files, split_seed):
        texts = {language_of(file): text for file, text in files.items() if is_list(file)}
        self.languages = sorted(texts)
        lines = [line for text in texts.values() for line in text.split(b"\n")]
        accepted = sum(judge(line)[0] == "accepted" for line in lines)
        self.repeats = accepted - sum(len(names_of(text)) for text in texts.values())
        named = {each: [] for each in PARTS}
        for k, language in enumerate(self.languages):
            for name in names_of(texts[language]):
                named[part(name, split_seed)[1]].append((k, name.decode()))
        self.alphabet = sorted({letter for _, name in named["training"] for letter in fold(name)})
        symbol = {letter: k for k, letter in enumerate(self.alphabet)}
        end = [len(self.alphabet)]
        self.part = {each: ([[symbol.get(letter, UNKNOWN) for letter in fold(name)] + end for _, name in named[each]],
                            [k for k, _ in named[each]]) for each in PARTS}

    def sizes(self):
        return [len(self.languages), len(self.alphabet), self.repeats, *(len(self.part[each][0]) for each in PARTS)]


def read_together(p, batch):
    """Of names together, longest first: their languages, and o of each step, of the names that have it."""
    batch = sorted(batch, key=lambda item: -len(item[0]))
    h, steps = torch.zeros(len(batch), p["W"].shape[0], dtype=p["W"].dtype), []
    for t in range(len(batch[0][0])):
        symbols = torch.tensor([name[t] for name, _ in batch if t < len(name)])
        known = (symbols != UNKNOWN).to(h.dtype).unsqueeze(1)
        a = p["b"].T + h[:len(symbols)] @ p["W"].T + p["U"].T[symbols.clamp(min=0)] * known
        h = torch.tanh(a)
        steps.append(p["c"].T + h @ p["V"].T)
    return torch.tensor([language for _, language in batch]), steps


def losses_together(p, batch, prefix_weight):
    """L; the loss of the last steps; their languages and the most probable ones."""
    languages, steps = read_together(p, batch)
    weighted_loss, last = 0, []
    for t, o in enumerate(steps):
        ends = len(steps[t + 1]) if t + 1 < len(steps) else 0  # rows from there on end here
        entropies = torch.nn.functional.cross_entropy(o, languages[:len(o)], reduction="none")
        weighted_loss = weighted_loss + entropies[ends:].sum() + prefix_weight * entropies[:ends].sum()
        last.insert(0, o[ends:].detach())
    o = torch.cat(last)
    loss = torch.nn.functional.cross_entropy(o, languages, reduction="sum").item()
    return weighted_loss, loss, languages.tolist(), o.argmax(1).tolist()


class WholeRun(Run):
    """Training on the names of a folder, names together; after each epoch its mean loss and its accuracy in per cent,
    then those of the validation names."""

    def __init__(self, data, set_up, dtype):
        random = SplitMix64(set_up["seed"])
        initial = initial_parameters(len(data.alphabet) + 1, set_up["hidden"], len(data.languages), random)
        self.data, self.epochs, self.correct = data, [], 0
        self.of_epoch = -(-len(data.part["training"][0]) // set_up["batch_size"])
        self.orders, self.batches, self.ended = [], [], None
        self.p = leaves({name: matrix.to(dtype) for name, matrix in initial.items()})
        self.train(set_up, *data.part["training"], random)

    def step(self, set_up, sgd, batch):
        k = len(self.batches)
        rate = set_up["learning_rate"] * (1 - k / self.total if set_up["decay"] == "linear" else 1)
        weighted_loss, loss, truth, answered = losses_together(self.p, batch, set_up["prefix_weight"])
        sgd.zero_grad()
        (weighted_loss / len(batch)).backward()
        self.correct += sum(map(operator.eq, truth, answered))
        self.update(set_up, sgd, loss, k, rate)
        self.batches[k].append(loss / len(batch))
        if len(self.batches) == 100:
            self.after_hundred = self.figures_of("validation")[:2]
        if len(self.batches) % self.of_epoch == 0:
            self.end_epoch()

    def figures_of(self, part):
        """Loss, accuracy and macro F1."""
        return self.figures_for(self.p, list(zip(*self.data.part[part])))

    def figures_for(self, p, examples):
        with torch.no_grad():
            _, loss, truth, answered = losses_together(p, examples, 0)
        accuracy, _, macro_f1 = figures(truth, answered, len(self.data.languages))
        return loss / len(examples), accuracy, macro_f1

    def end_epoch(self):
        names = len(self.data.part["training"][0])
        loss = sum(batch[0] for batch in self.batches[-self.of_epoch:])
        validation = self.figures_of("validation")[:2] if self.data.part["validation"][0] else ()
        self.epochs.append([loss / names, 100 * self.correct / names, *validation])
        self.correct = 0
        chosen_by = [epoch[2 if validation else 0] for epoch in self.epochs]
        if chosen_by.index(min(chosen_by)) == len(chosen_by) - 1:
            self.kept, self.test = len(chosen_by), self.figures_of("test")
            self.kept_p = {name: matrix.detach().clone() for name, matrix in self.p.items()}


# A folder so small that any port trains on it in a moment. Lasa and Rees stand in two files each.
SMALL = {"Old Norse.txt": "\ufeffBj\u01ebrn\r\n\u00de\u00f3rr\r\n\r\nSveinn\r\nKetill\r\n\u00c1ki \r\nBJ\u01eaRN\r\n"
                          "Ulfr\r\nRagnarr\r\nHrafn\r\nSn\u00e6r\r\nLasa\r\n",
         "10.txt": "Etxeberria\nAgirre\nMendi\nIbarra\nGo\u00f1i\nZabala\nOtxoa\n Uriarte\nLasa\nGO\u00d1I\nAznar\n"
                       "Arana\nEtxano\nGarai\nMuru\n",
         "Welsh.txt": "Llwyd\nGwynn\nRhys\nRees\nPrice\n\nBevan\nPugh\nCadwgan\nWyn ap Rhys\nT\u0177\nParry",
         "README.txt~": "Qqq\n", ".Welsh.txt": "Qqq\n",
         "1e1.txt": "Okafor\nEze\nNwosu\n\u1ee4che\nIke\nObi\nRees\nAda\n"}
SMALL = {name.encode(): text.encode() for name, text in SMALL.items()}
# Another folder, whose test names are answered by the model of the first: it lacks two languages, and has new letters.
OTHER = {b"Welsh.txt": "Rees\nMeredydd\nQuant\nPugh\n\u017bywiec\nMorgan\nTudur\n",
         b"Old Norse.txt": "Bj\u01ebrn\nGunnarr\nOrmr\nKn\u00fatr\nZ\u00f3ph\u00f3n\u00edas\nGr\u00edmr\n"}
OTHER = {name: text.encode() for name, text in OTHER.items()}


def write_small(path, **settings):
    """The whole program in small: from the bytes of files to the figures of the test."""
    set_up = DEFAULTS | settings
    data = Data(SMALL, set_up["split_seed"])
    run, again = WholeRun(data, set_up, torch.float64), WholeRun(data, set_up, torch.float32)
    others = [(language_of(file), name) for file, text in sorted(OTHER.items()) for name in names_of(text)
              if part(name, set_up["split_seed"])[1] == "test"]
    other = [(symbols_of(name.decode(), data.alphabet), data.languages.index(language)) for language, name in others]
    assert len({language for _, language in other}) == 2 and any(UNKNOWN in symbols for symbols, _ in other)
    with File(path) as out:
        for name in DEFAULTS:
            out.value(name, set_up[name])
        out.table("files", [[name.hex(), hexadecimal(text)] for name, text in SMALL.items()])
        out.row("sizes", data.sizes())
        out.table("training", [epoch[:2] for epoch in run.epochs])
        out.table("validation", [epoch[2:] for epoch in run.epochs] if len(run.epochs[0]) > 2 else [])
        out.value("kept", run.kept)
        out.parameters(run.kept_p)
        out.row("test", run.test)
        out.table("other.files", [[name.hex(), hexadecimal(text)] for name, text in OTHER.items()])
        out.row("other.test", run.figures_for(run.kept_p, other))
        lacking = {b"Zulu.txt": b"Anna\n"} | OTHER  # a name of the training part, in a language that the model lacks
        assert part(b"Anna", set_up["split_seed"])[1] == "training"
        out.table("lacking.files", [[name.hex(), hexadecimal(text)] for name, text in lacking.items()])
    names, languages = data.part["test"]
    answered_at_first_step = [read_name(run.kept_p, name)[0]["y"].argmax().item() for name in names]
    chosen_by, accuracies = zip(*(epoch[-2:] for epoch in run.epochs))
    assert 2 < run.kept < set_up["epochs"] and run.kept > 1 + next(
        k for k in range(1, len(chosen_by)) if chosen_by[k] > chosen_by[k - 1]), "it rose before"
    assert accuracies[run.kept - 1] < max(accuracies)
    assert [epoch[1::2] for epoch in run.epochs] == [epoch[1::2] for epoch in again.epochs] and run.kept == again.kept
    assert all(mine != last for mine, last in zip(run.test, run.figures_of("test"))), "the last parameters show"
    assert figures(languages, answered_at_first_step, len(data.languages))[0] != run.test[1]
    assert len(set(languages)) < len(data.languages), "macro F1 leaves out a language"
    parameters_apart = max(((its.double() - mine).abs().max() / mine.abs().max()).item()
                           for mine, its in zip(run.kept_p.values(), again.kept_p.values()))
    print(f"{path}: sizes {data.sizes()}, epoch {run.kept} of {set_up['epochs']} is kept; in float differ the figures "
          f"by {apart(again.epochs, run.epochs)}, test {apart([again.test], [run.test])}, parameters "
          f"{parameters_apart:.1e}")


def apart(mine, theirs):
    """How far two runs are apart at most, in each column."""
    return ", ".join("%.1e" % max(abs(x - y) for x, y in zip(*columns)) for columns in zip(zip(*mine), zip(*theirs)))


def write_whole():
    files = files_of_data()
    data = Data(files, DEFAULTS["split_seed"])
    four_set_up = DEFAULTS | {"batch_size": 2048, "epochs": 4}
    four, ten = WholeRun(data, four_set_up, torch.float64), WholeRun(data, DEFAULTS, torch.float64)
    four_again, ten_again = WholeRun(data, four_set_up, torch.float32), WholeRun(data, DEFAULTS, torch.float32)
    print("In float differ: four epochs by", apart(four_again.epochs, four.epochs))
    hundred, hundred_again = ([batch[-1:] for batch in run.batches[:100]] for run in (ten, ten_again))
    print("ten and a hundred mini-batches by", apart(hundred_again[:10], hundred[:10]), apart(hundred_again, hundred))
    print("the validation names after these hundred by", apart([ten_again.after_hundred], [ten.after_hundred]))
    print("ten epochs by", apart(ten_again.epochs, ten.epochs))
    print("their test by", apart([ten_again.test], [ten.test]))
    with File("whole.txt") as out:
        out.value("version", VERSION)
        out.value("checksum", fnv1a(b"".join(file + text for file, text in files.items())))
        out.row("sizes", data.sizes())
        out.table("four_epochs", four.epochs)
        out.table("minibatches", hundred)
        out.row("validation", ten.after_hundred)
        out.table("ten_epochs", ten.epochs)
        out.row("test", ten.test)


def main():
    if sys.argv[1:] == ["--whole"]:
        return write_whole()
    check_folding_tables()
    check_version()
    write_random()
    write_split()
    write_text()
    write_data()
    write_folders()
    write_choice()
    write_packing()
    write_forward_backward()
    write_large_forward_backward()
    write_training("linear", 12, 0.9, 1.2, 0.15)
    write_training("none", 13, 0.8, 0.9, 0.3)
    write_float_training()
    write_ended_training()
    write_small("small.txt", hidden=6, epochs=8, batch_size=5, learning_rate=0.1, clip_norm=3, seed=5,
                split_seed=9223372038793046009)
    write_small("small2.txt", hidden=5, epochs=6, batch_size=6, learning_rate=0.25, clip_norm=0.8, decay="none", seed=4,
                split_seed=9223372037094281817)
    write_model()
    write_second_model()
    write_smallest_model()


if __name__ == "__main__":
    main()
