#!/usr/bin/python3
"""Remakes tests/golden/*.txt, which tests/golden_test.cpp and every port are held to.

    /usr/bin/python3 tests/golden.py        from the project's folder; needs python3-torch

The network's numbers are PyTorch's, in double, one name after another with no batch: torch adds the gradients, takes
the loss from its own log_softmax, and steps with its own SGD. Text is judged by Python's own UTF-8 decoder. Nothing
here follows the C++; tests/golden/README.md states the rules and the grammar of the files.
"""

import os
import struct

import torch

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
MASK = 2**64 - 1
UNKNOWN = -1


# --- The files ---


def text_of(token):
    return "%.17g" % token if isinstance(token, float) else str(token)


class File:
    """Blocks of tokens: `name rows columns`, then the rows, one a line."""

    def __init__(self, path):
        self.path, self.lines = os.path.join(FOLDER, path), []

    def __enter__(self):
        return self

    def __exit__(self, failed, *_):
        if not failed:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            with open(self.path, "w", encoding="ascii", newline="\n") as out:
                out.write("".join(line + "\n" for line in self.lines))

    def table(self, name, rows):
        self.lines.append(f"{name} {len(rows)} {len(rows[0]) if rows else 0}")
        self.lines += [" ".join(map(text_of, row)) for row in rows]

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

    U = draw(hidden, symbols, 0.5)
    W = draw(hidden, hidden, 1 / (2 * hidden) ** 0.5)
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


def judge(line):
    """What must happen to a line; if it is accepted, also its trimmed bytes and its letters."""
    name = line.strip(b" \t\n\v\f\r")
    if not name:
        return "blank", b"", ""
    if len(name) > 4000:
        return "too_long", b"", ""
    try:
        letters = name.decode("utf-8")
    except UnicodeDecodeError:
        return "malformed", b"", ""
    return ("too_long", b"", "") if len(letters) > 1000 else ("accepted", name, letters)


def letter_name(letter):
    return "U+%04X" % ord(letter)


def symbols_of(name, alphabet):
    return [alphabet.index(letter) if letter in alphabet else UNKNOWN for letter in name] + [len(alphabet)]


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


def forward_backward(path, seed, hidden, symbols, languages, prefix_weight, names):
    p = leaves(any_parameters(symbols, hidden, languages, SplitMix64(seed)))
    read = [read_name(p, name) for name, _ in names]
    for steps in read:
        for step in steps:
            for tensor in step.values():
                tensor.retain_grad()
    loss = sum(weighted(step_losses(steps, language), prefix_weight) for steps, (_, language) in zip(read, names))
    loss.backward()
    with File("forward_backward/" + path) as out:
        out.value("prefix_weight", float(prefix_weight))
        out.parameters(p)
        out.row("languages", [language for _, language in names])
        for i, (steps, (name, _)) in enumerate(zip(read, names)):
            out.row(f"name{i}.symbols", name)
            for key in "ahoy":
                out.matrix(f"name{i}.{key}", torch.cat([step[key].T for step in steps]))
            for key in "oha":
                out.matrix(f"name{i}.d{key}", torch.cat([step[key].grad.T for step in steps]))
        out.value("loss", loss.item())
        for name in "UbWVc":
            out.matrix("d" + name, p[name].grad)


UNEQUAL = [([0, 1, 2, 5], 0), ([3, 5], 1), ([1, UNKNOWN, 0, 0, 4, 5], 2), ([2, 2, 1, 5], 1), ([UNKNOWN, 5], 2)]


def write_forward_backward():
    forward_backward("one_name.txt", 1, 3, 5, 2, 0.15, [([0, 1, 3, 2, 4], 1)])
    forward_backward("batch.txt", 2, 5, 6, 3, 0.15, UNEQUAL)
    forward_backward("last_step.txt", 3, 4, 6, 3, 0, UNEQUAL)
    forward_backward("plain_sum.txt", 4, 4, 6, 3, 1, UNEQUAL)


# --- Training ---


def write_training(decay):
    letters = SplitMix64(2024)
    lengths = [3, 6, 2, 4, 4, 1, 7, 5, 3, 2, 6, 4, 1]
    names = [[letters.next() % 6 for _ in range(length)] + [6] for length in lengths]
    names[3][1] = UNKNOWN
    languages = [i % 3 for i in range(len(names))]
    seed, hidden, symbols, epochs, batch_size = 9, 5, 7, 10, 3
    start_rate, momentum, clip_norm, prefix_weight = 0.08, 0.9, 3.5, 0.15

    random = SplitMix64(seed)
    initial = initial_parameters(symbols, hidden, 3, random)
    p = leaves(initial)
    sgd = torch.optim.SGD(p.values(), lr=start_rate, momentum=momentum)
    order, orders, batches = list(range(len(names))), [], []
    total = epochs * -(-len(names) // batch_size)
    for _ in range(epochs):
        random.shuffle(order)
        orders.append(list(order))
        for first in range(0, len(order), batch_size):
            rate = start_rate * (1 - len(batches) / total) if decay == "linear" else start_rate
            losses = [step_losses(read_name(p, names[i]), languages[i]) for i in order[first:first + batch_size]]
            sgd.zero_grad()
            sum(weighted(name, prefix_weight) for name in losses).backward()
            norm = torch.cat([matrix.grad.flatten() for matrix in p.values()]).norm().item()
            factor = min(1.0, clip_norm / norm)
            for matrix in p.values():
                matrix.grad *= factor
            for group in sgd.param_groups:
                group["lr"] = rate
            sgd.step()
            batches.append([sum(name[-1].item() for name in losses), rate, norm, factor])
            if len(batches) == 1:
                after_first = {name: matrix.detach().clone() for name, matrix in p.items()}
    clipped = sum(factor < 1 for *_, factor in batches)
    print(f"training/{decay}.txt: {len(batches)} mini-batches, {clipped} of them clipped")
    assert len(batches) == total == 50 and 10 <= clipped <= 40

    with File(f"training/{decay}.txt") as out:
        for name, value in (("hidden", hidden), ("symbols", symbols), ("epochs", epochs), ("batch_size", batch_size),
                            ("learning_rate", start_rate), ("momentum", momentum), ("clip_norm", clip_norm),
                            ("prefix_weight", prefix_weight), ("decay", decay), ("seed", seed)):
            out.value(name, value)
        out.row("languages", languages)
        for i, name in enumerate(names):
            out.row(f"name{i}.symbols", name)
        out.parameters(initial, "initial.")
        out.table("order", orders)
        out.table("batches", batches)
        out.parameters(after_first, "first.")
        out.parameters(p, "final.")


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
    names = ["a", "foobar", "Ann", "Müller", "Nguyễn", "Šimůnek", "Ó Briain", "de la Cruz", "Иванов", "王", "山田",
             "김", "O'Neill", "Abd-el-Kader", "Ærøskøbing", "𐍈", "Zwaan", "Rossi", "Kowalski", "Papadopoulos"]
    rows = []
    for split_seed in (0, 1, 2, MASK):
        for name in names:
            data = name.encode()
            value = SplitMix64((fnv1a(data) + split_seed) & MASK).next()
            part = ("training", "validation", "test")[max(0, value % 10 - 7)]
            rows.append([data.hex(), fnv1a(data), split_seed, value, part])
    assert {row[-1] for row in rows} == {"training", "validation", "test"}
    with File("split.txt") as out:
        out.table("split", rows)


def write_text():
    alphabet = sorted(" 'Aabn\u00e9\u0142\u738b\U00010348")
    lines = [b"Ann", b"  Ann \r", b"\t\v\f ban \f\v\t\r", b"a  b", "ban\u00e9".encode(), "\u738bab".encode(), b"A'nn",
             "\U00010348a".encode(), b"xyz", b"q", b"a\0b", "\u00a0a\u00a0".encode(), "\ufeffa".encode(), b"", b" ",
             b" \t\r", b"\r", b"\v\f"]
    lines += [bytes.fromhex(edge) for edge in (
        "7f", "c280", "dfbf", "e0a080", "ed9fbf", "ee8080", "efbfbf", "f0908080", "f48fbfbf",  # the edges of the ranges
        "80", "bf", "61bf", "c3", "c328", "c0af", "c1bf", "e0809f", "e09fbf", "eda080", "edbfbf", "f08f8080",
        "f0808080", "f4908080", "f5808080", "f888808080", "fc8480808080", "fe", "ff", "61ff", "e282", "e28228",
        "f09f98", "c3a9c3", "c3a92ec3")]
    lines += [b"a" * 1000, b" " + b"a" * 1000 + b"\r", b"a" * 1001, "\u00e9".encode() * 1000, "\u00e9".encode() * 1001,
              b"a" * 1000 + b"\xff", b"\xff" * 1001, b"\xff" * 4001, "\U00010348".encode() * 1001]
    files = [(b"\xef\xbb\xbf  Ann \r\n\r\n\tde la Cruz\r\nAnn\nB", "accepted", 0, [b"Ann", b"de la Cruz", b"B"], 1),
             (b"ann\nAnn\nann\n ann\t\n\n", "accepted", 0, [b"ann", b"Ann"], 2),
             (b"Ann\n\nB\xff\nC\n", "malformed", 3, [], 0),
             (b"Ann\n" + b"x" * 1001 + b"\n\xff\n", "too_long", 2, [], 0),
             (b"Ann\n\xef\xbb\xbfAnn\n", "accepted", 0, [b"Ann", b"\xef\xbb\xbfAnn"], 0),
             (b"", "no_name", 0, [], 0), (b"\xef\xbb\xbf", "no_name", 0, [], 0), (b"\n \r\n\n", "no_name", 0, [], 0)]
    with File("text.txt") as out:
        out.table("alphabet", [[letter_name(letter)] for letter in alphabet])
        judged = [judge(line) for line in lines]
        out.table("lines", [[hexadecimal(line), verdict, hexadecimal(name)]
                            for line, (verdict, name, _) in zip(lines, judged)])
        for i, (verdict, _, letters) in enumerate(judged):
            if verdict == "accepted" and len(letters) < 1000:
                out.row(f"line{i}.letters", [letter_name(letter) for letter in letters])
                out.row(f"line{i}.symbols", symbols_of(letters, alphabet))
        out.table("files", [[hexadecimal(data), verdict, line, repeats] for data, verdict, line, _, repeats in files])
        for i, (*_, names, _) in enumerate(files):
            out.table(f"file{i}.names", [[name.hex()] for name in names])


def by_falling_length(indices, names):
    return sorted(indices, key=lambda i: -len(names[i]))  # sorted is stable


def write_packing():
    random = SplitMix64(5)
    names = [[0, 1, 2, 5], [3, 5], [1, UNKNOWN, 0, 0, 4, 5], [2, 2, 1, 5], [UNKNOWN, 5], [4, 3, 5], [0, 5],
             [1, 1, 1, 1, 2, 5], [3, 0, 5], [4, 2, 0, 5], [5]]
    order = by_falling_length(range(len(names)), names)
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
            out.row(f"batch{k}.order", by_falling_length(batch, names))


def as_float(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def shortest(value):
    """The shortest decimal that reads back to the same float; plain if the form with an exponent is no shorter."""
    digits = next(d for d in range(9) if as_float(float("%.*e" % (d, value))) == value)
    scientific = "%.*e" % (digits, value)
    plain = "%.*f" % (max(0, digits - int(scientific.split("e")[1])), value)
    return plain if len(plain) <= len(scientific) else scientific


def write_model():
    alphabet, languages = sorted(" '-Aabdeinorstz\u00e9\u0142\u0438\u738b"), ["Irish", "Polish", "Vietnamese"]
    random = SplitMix64(12)
    p = any_parameters(len(alphabet) + 1, 6, len(languages), random, 1.5)
    p = {name: torch.tensor([[as_float(x) for x in row] for row in matrix.tolist()]) for name, matrix in p.items()}
    p["W"][0, 1], p["W"][1, 0], p["U"][0, 0] = 0.0, as_float(1e-7), -1.0
    lines = ["rnn-model 1", "epoch 3", "split_seed 18446744073709551615", f"languages {len(languages)}", *languages,
             f"letters {len(alphabet)}", *map(letter_name, alphabet)]
    for name in "UbWVc":
        lines.append("%s %d %d" % (name, *p[name].shape))
        lines += [" ".join(map(shortest, row)) for row in p[name].tolist()]
    with File("model.txt") as out:
        out.lines = lines + ["end"]
    names = ["A", "z", "\u738b", "qqq", "Ann", "O'Brien", "de la Cruz", "Anna-Beata", "\u0438\u0438", "\u00e9t\u00e9",
             "Zi\u0142na", "X", "a" * 40]
    while len(names) < 50:
        name = "".join((alphabet + ["q", "\u00df"])[random.next() % (len(alphabet) + 2)]
                       for _ in range(1 + random.next() % 12)).strip(" ")
        if name and name not in names:
            names.append(name)
    with File("probabilities.txt") as out:
        out.table("probabilities", [[name.encode().hex()] +
                                    read_name(p, symbols_of(name, alphabet))[-1]["y"].flatten().tolist()
                                    for name in names])


if __name__ == "__main__":
    write_random()
    write_split()
    write_text()
    write_packing()
    write_forward_backward()
    write_training("linear")
    write_training("none")
    write_model()
