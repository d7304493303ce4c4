#!/usr/bin/env python3
"""A port of the network in plain Python, one name at a time: the gentlest reading of the algorithm.

It follows tests/golden/README.md, shares no code with rnn.hpp, needs the standard library alone, and holds itself to every
file of the kit: python3 tests/golden/port.py. Matrices are lists of rows in the book's shapes; b and c have one column.
"""
import math
import pathlib
import sys

KIT = pathlib.Path(__file__).parent
MASK = 2**64 - 1


# ---- the kit's files ----------------------------------------------------------------------------------------------------

def load(name):
    """The blocks of a file by name, each a list of rows of tokens."""
    tokens, at, blocks = (KIT / name).read_text().split(), 0, {}
    while at < len(tokens):
        block, rows, columns = tokens[at], int(tokens[at + 1]), int(tokens[at + 2])
        at += 3
        blocks[block] = [tokens[at + i * columns:at + (i + 1) * columns] for i in range(rows)]
        at += rows * columns
    return blocks


def numbers(block):
    return [[float(token) for token in row] for row in block]


def integers(block):
    return [int(token) for row in block for token in row]


def code_points(block):
    return [int(token[2:], 16) for row in block for token in row]


def to_bytes(token):
    return b"" if token == "-" else bytes.fromhex(token)


def same(ours, theirs, what):
    if ours != theirs:
        sys.exit(f"port.py: {what}: got {str(ours)[:200]}, expected {str(theirs)[:200]}")


def close(ours, theirs, bound, what):
    """Every difference at most `bound` times the largest magnitude of the matrix."""
    same([len(row) for row in ours], [len(row) for row in theirs], f"{what}, shape")
    largest = max((abs(x) for row in theirs for x in row), default=0)
    for i, (row, expected) in enumerate(zip(ours, theirs)):
        for j, (x, y) in enumerate(zip(row, expected)):
            if not abs(x - y) <= bound * largest:
                sys.exit(f"port.py: {what}[{i}][{j}]: got {x!r}, expected {y!r}")


# ---- random numbers -----------------------------------------------------------------------------------------------------

class SplitMix64:
    def __init__(self, state):
        self.state = state & MASK

    def next(self):
        self.state = (self.state + 0x9e3779b97f4a7c15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xbf58476d1ce4e5b9) & MASK
        z = ((z ^ (z >> 27)) * 0x94d049bb133111eb) & MASK
        return z ^ (z >> 31)

    def uniform(self):
        return (self.next() >> 11) * 2.0**-53

    def shuffle(self, items):
        for i in range(len(items) - 1, 0, -1):
            j = self.next() % (i + 1)
            items[i], items[j] = items[j], items[i]


def initial_parameters(symbols, hidden, languages, random):
    def draw(rows, columns, bound):
        return [[(2 * random.uniform() - 1) * bound for _ in range(columns)] for _ in range(rows)]

    U = draw(hidden, symbols, 0.5)
    W = draw(hidden, hidden, 1 / math.sqrt(2 * hidden))
    V = draw(languages, hidden, 1)
    return {"U": U, "b": [[0.0] for _ in range(hidden)], "W": W, "V": V, "c": [[0.0] for _ in range(languages)]}


# ---- text and split -----------------------------------------------------------------------------------------------------

def fnv1a(name):
    value = 0xcbf29ce484222325
    for byte in name:
        value = ((value ^ byte) * 0x100000001b3) & MASK
    return value


def decode(name):
    """The code points of UTF-8 bytes, or None."""
    letters, i = [], 0
    while i < len(name):
        lead = name[i]
        if 0x80 <= lead < 0xc0 or lead >= 0xf8:
            return None
        more = 0 if lead < 0x80 else 1 if lead < 0xe0 else 2 if lead < 0xf0 else 3
        letter = lead if more == 0 else lead & (0x3f >> more)
        tail = name[i + 1:i + 1 + more]
        if len(tail) < more or any(byte & 0xc0 != 0x80 for byte in tail):
            return None
        for byte in tail:
            letter = letter << 6 | byte & 0x3f
        if letter < (0, 0x80, 0x800, 0x10000)[more] or letter > 0x10ffff or 0xd800 <= letter < 0xe000:
            return None
        letters.append(letter)
        i += more + 1
    return letters


def read_line(line):
    """What becomes of a line: (verdict, trimmed bytes, code points)."""
    name = line.strip(b" \t\n\v\f\r")
    if not name:
        return "blank", name, []
    if len(name) > 4000:
        return "too_long", name, []
    letters = decode(name)
    if letters is None:
        return "malformed", name, []
    return ("too_long" if len(letters) > 1000 else "accepted"), name, letters


def read_file(text):
    """What becomes of a file: (verdict, line of the error, repeats, names)."""
    names, repeats = [], 0
    for number, line in enumerate(text.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        verdict, name, _ = read_line(line)
        if verdict in ("too_long", "malformed"):
            return verdict, number, 0, []
        if verdict == "accepted" and name in names:
            repeats += 1
        elif verdict == "accepted":
            names.append(name)
    return ("accepted", 0, repeats, names) if names else ("no_name", 0, 0, [])


def encode(letters, alphabet):
    """Symbols: a letter's place in the alphabet, -1 for one it lacks, then the end of the name."""
    return [alphabet.index(letter) if letter in alphabet else -1 for letter in letters] + [len(alphabet)]


# ---- the network --------------------------------------------------------------------------------------------------------

def forward(p, symbols):
    """(a_t, h_t, o_t, y_t) for each step."""
    hidden, languages = len(p["W"]), len(p["V"])
    steps, h = [], [0.0] * hidden
    for x in symbols:
        a = [p["b"][i][0] + sum(p["W"][i][j] * h[j] for j in range(hidden)) + (p["U"][i][x] if x >= 0 else 0)
             for i in range(hidden)]                                                                        # (10.8)
        h = [math.tanh(value) for value in a]                                                               # (10.9)
        o = [p["c"][k][0] + sum(p["V"][k][i] * h[i] for i in range(hidden)) for k in range(languages)]      # (10.10)
        powers = [math.exp(value - max(o)) for value in o]
        y = [value / sum(powers) for value in powers]                                                       # (10.11)
        steps.append((a, h, o, y))
    return steps


def zeros_like(p):
    return {name: [[0.0] * len(row) for row in matrix] for name, matrix in p.items()}


def backward(p, symbols, language, prefix_weight, gradient):
    """Adds the name's gradient. Returns the steps, (do_t, dh_t, da_t) for each, the loss, and its last step's part."""
    hidden, languages, steps = len(p["W"]), len(p["V"]), forward(p, symbols)
    deltas, loss, da_after = [None] * len(steps), 0.0, [0.0] * hidden
    for t in reversed(range(len(steps))):
        _, h, _, y = steps[t]
        h_before = steps[t - 1][1] if t > 0 else [0.0] * hidden
        w = 1 if t == len(steps) - 1 else prefix_weight
        loss += w * -math.log(y[language])                                                                  # (10.14)
        do = [w * (y[k] - (k == language)) for k in range(languages)]                                       # (10.18)
        dh = [sum(p["V"][k][i] * do[k] for k in range(languages)) +
              sum(p["W"][j][i] * da_after[j] for j in range(hidden)) for i in range(hidden)]                # (10.19-10.21)
        da = [(1 - h[i]**2) * dh[i] for i in range(hidden)]
        for k in range(languages):
            gradient["c"][k][0] += do[k]                                                                    # (10.22)
            for i in range(hidden):
                gradient["V"][k][i] += do[k] * h[i]                                                         # (10.24)
        for i in range(hidden):
            gradient["b"][i][0] += da[i]                                                                    # (10.23)
            for j in range(hidden):
                gradient["W"][i][j] += da[i] * h_before[j]                                                  # (10.26)
            if symbols[t] >= 0:
                gradient["U"][i][symbols[t]] += da[i]                                                       # (10.28)
        deltas[t], da_after = (do, dh, da), da
    return steps, deltas, loss, -math.log(steps[-1][3][language])


def update(p, velocity, gradient, factor, momentum, rate):
    for name, matrix in p.items():
        for i, row in enumerate(matrix):
            for j in range(len(row)):
                velocity[name][i][j] = momentum * velocity[name][i][j] + factor * gradient[name][i][j]
                row[j] -= rate * velocity[name][i][j]


# ---- the checks ---------------------------------------------------------------------------------------------------------

def check_random():
    kit = load("random.txt")
    seed = int(kit["seed"][0][0])
    random = SplitMix64(seed)
    same([random.next() for _ in range(10)], integers(kit["next"]), "next")
    random = SplitMix64(seed)
    same([random.uniform() for _ in range(10)], [row[0] for row in numbers(kit["uniform"])], "uniform")
    for name, matrix in initial_parameters(*integers(kit["initial.sizes"]), SplitMix64(seed)).items():
        close(matrix, numbers(kit["initial." + name]), 1e-12, "initial." + name)
    items = list(range(10))
    SplitMix64(int(kit["shuffle.seed"][0][0])).shuffle(items)
    same(items, integers(kit["shuffle"]), "shuffle")


def check_split():
    for name, hashed, split_seed, first, part in load("split.txt")["split"]:
        value = SplitMix64(fnv1a(to_bytes(name)) + int(split_seed)).next()
        ours = fnv1a(to_bytes(name)), value, (["training"] * 8 + ["validation", "test"])[value % 10]
        same(ours, (int(hashed), int(first), part), f"the split of {name}")


def check_text():
    kit = load("text.txt")
    alphabet = code_points(kit["alphabet"])
    for i, (line, expected, trimmed) in enumerate(kit["lines"]):
        verdict, name, letters = read_line(to_bytes(line))
        same(verdict, expected, f"verdict of line{i}")
        same(name if verdict == "accepted" else b"", to_bytes(trimmed), f"line{i}, trimmed")
        if f"line{i}.letters" in kit:
            same(letters, code_points(kit[f"line{i}.letters"]), f"line{i}.letters")
            same(encode(letters, alphabet), integers(kit[f"line{i}.symbols"]), f"line{i}.symbols")
    for i, (text, verdict, line, repeats) in enumerate(kit["files"]):
        names = [to_bytes(row[0]) for row in kit[f"file{i}.names"]]
        same(read_file(to_bytes(text)), (verdict, int(line), int(repeats), names), f"file{i}")


def check_packing():
    kit = load("packing.txt")
    count, size = int(kit["names"][0][0]), int(kit["epoch.batch_size"][0][0])
    names = [integers(kit[f"name{i}.symbols"]) for i in range(count)]

    def by_length(batch):
        return sorted(batch, key=lambda i: -len(names[i]))  # a stable sort: ties keep their order

    order = by_length(range(count))
    steps = [[names[i][t] for i in order if t < len(names[i])] for t in range(len(names[order[0]]))]
    same(order, integers(kit["order"]), "order")
    same([len(step) for step in steps], integers(kit["rows"]), "rows")
    for t, step in enumerate(steps, 1):
        same(step, integers(kit[f"step{t}.symbols"]), f"step{t}.symbols")
    order = list(range(count))
    SplitMix64(int(kit["epoch.seed"][0][0])).shuffle(order)
    same(order, integers(kit["epoch.order"]), "epoch.order")
    for k in range(0, (count + size - 1) // size):
        batch = order[k * size:(k + 1) * size]
        same(batch, integers(kit[f"batch{k}"]), f"batch{k}")
        same(by_length(batch), integers(kit[f"batch{k}.order"]), f"batch{k}.order")


def check_forward_backward(file):
    kit = load(file)
    p = {name: numbers(kit[name]) for name in "UbWVc"}
    gradient, total = zeros_like(p), 0.0
    for i, language in enumerate(integers(kit["languages"])):
        symbols, prefix_weight = integers(kit[f"name{i}.symbols"]), float(kit["prefix_weight"][0][0])
        steps, deltas, loss, _ = backward(p, symbols, language, prefix_weight, gradient)
        total += loss
        for k, name in enumerate("ahoy"):
            close([step[k] for step in steps], numbers(kit[f"name{i}.{name}"]), 1e-12, f"name{i}.{name}")
        for k, name in enumerate("oha"):
            close([delta[k] for delta in deltas], numbers(kit[f"name{i}.d{name}"]), 1e-12, f"name{i}.d{name}")
    close([[total]], numbers(kit["loss"]), 1e-12, "loss")
    for name in gradient:
        close(gradient[name], numbers(kit["d" + name]), 1e-12, "d" + name)


def check_training(file):
    kit = load(file)

    def one(name):
        return kit[name][0][0]

    languages = integers(kit["languages"])
    names = [integers(kit[f"name{i}.symbols"]) for i in range(len(languages))]
    size, epochs = int(one("batch_size")), int(one("epochs"))
    batches, order, random = (len(names) + size - 1) // size, list(range(len(names))), SplitMix64(int(one("seed")))
    p = initial_parameters(int(one("symbols")), int(one("hidden")), len(kit["initial.c"]), random)
    velocity = zeros_like(p)
    for name in p:
        close(p[name], numbers(kit["initial." + name]), 1e-12, "initial." + name)
    for epoch in range(epochs):
        random.shuffle(order)
        same(order, [int(token) for token in kit["order"][epoch]], f"order of epoch {epoch}")
        for k in range(batches):
            done = epoch * batches + k
            falling = 1 - done / (epochs * batches) if one("decay") == "linear" else 1
            rate, gradient, loss = float(one("learning_rate")) * falling, zeros_like(p), 0.0
            for i in order[k * size:(k + 1) * size]:
                loss += backward(p, names[i], languages[i], float(one("prefix_weight")), gradient)[3]
            norm = math.sqrt(sum(x * x for matrix in gradient.values() for row in matrix for x in row))
            factor = min(1.0, float(one("clip_norm")) / norm)
            for ours, theirs, what in zip((loss, rate, norm, factor), kit["batches"][done], ("loss", "rate", "norm", "factor")):
                close([[ours]], [[float(theirs)]], 1e-12, f"{what} of mini-batch {done}")
            update(p, velocity, gradient, factor, float(one("momentum")), rate)
            if done == 0:
                for name in p:
                    close(p[name], numbers(kit["first." + name]), 1e-12, "first." + name)
    for name in p:
        close(p[name], numbers(kit["final." + name]), 1e-12, "final." + name)


def check_model():
    lines = iter((KIT / "model.txt").read_text().split("\n"))
    same(next(lines), "rnn-model 1", "first line of the model")
    next(lines), next(lines)  # epoch, split_seed
    languages = [next(lines) for _ in range(int(next(lines).split()[1]))]
    alphabet = [int(next(lines)[2:], 16) for _ in range(int(next(lines).split()[1]))]
    p = {}
    for line in lines:
        if line == "end":
            break
        name, rows, _ = line.split()
        p[name] = [[float(token) for token in next(lines).split(" ")] for _ in range(int(rows))]
    same(len(p["V"]), len(languages), "languages of the model")
    for name, *expected in load("probabilities.txt")["probabilities"]:
        y = forward(p, encode(decode(to_bytes(name)), alphabet))[-1][3]
        for ours, theirs in zip(y, expected):
            if not abs(ours - float(theirs)) <= 1e-5:
                sys.exit(f"port.py: probabilities of {name}: got {ours}, expected {theirs}")


def main():
    for file, check in [("random.txt", check_random), ("split.txt", check_split), ("text.txt", check_text),
                        ("packing.txt", check_packing)]:
        check()
        print("ok", file)
    for file in ("one_name", "batch", "last_step", "plain_sum"):
        check_forward_backward(f"forward_backward/{file}.txt")
        print(f"ok forward_backward/{file}.txt")
    for file in ("linear", "none"):
        check_training(f"training/{file}.txt")
        print(f"ok training/{file}.txt")
    check_model()
    print("ok model.txt and probabilities.txt")


if __name__ == "__main__":
    main()
