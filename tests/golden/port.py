#!/usr/bin/env python3
"""The network of README.md in plain Python, one name at a time, and its check against every file of the kit.

Written from that page alone; nothing but the standard library. A matrix is a list of rows, a vector a list of
numbers. Parameters and gradients are {"U": ..., "b": ..., "W": ..., "V": ..., "c": ...} in the book's shapes, so that
b and c are matrices of one column. An equation of the page stands beside the line that computes it.

    python3 port.py             one line for each file; 1 as exit status if anything differs
    python3 port.py --whole     with a hundred mini-batches of the real data and its validation names: some minutes
"""

import decimal
import itertools
import math
import operator
import os
import re
import struct
import sys

U64 = 2 ** 64 - 1               # "& U64" makes an integer wrap as an unsigned one of 64 bits does
WHITE_SPACE = b" \t\n\v\f\r"
MARK = b"\xef\xbb\xbf"          # the byte order mark
UNKNOWN = -1                    # the symbol of a letter that the alphabet lacks
FIVE = "UbWVc"
FOLDING = (                     # first, last, move: letters from first to last move by so much; every second one by 1
    (0x41, 0x5a, 32), (0xb5, 0xb5, 775), (0xc0, 0xd6, 32), (0xd8, 0xde, 32), (0x100, 0x12e, 1), (0x130, 0x130, -199),
    (0x132, 0x136, 1), (0x139, 0x147, 1), (0x14a, 0x176, 1), (0x178, 0x178, -121), (0x179, 0x17d, 1),
    (0x17f, 0x17f, -268), (0x181, 0x181, 210), (0x182, 0x184, 1), (0x186, 0x186, 206), (0x187, 0x187, 1),
    (0x189, 0x18a, 205), (0x18b, 0x18b, 1), (0x18e, 0x18e, 79), (0x18f, 0x18f, 202), (0x190, 0x190, 203),
    (0x191, 0x191, 1), (0x193, 0x193, 205), (0x194, 0x194, 207), (0x196, 0x196, 211), (0x197, 0x197, 209),
    (0x198, 0x198, 1), (0x19c, 0x19c, 211), (0x19d, 0x19d, 213), (0x19f, 0x19f, 214), (0x1a0, 0x1a4, 1),
    (0x1a6, 0x1a6, 218), (0x1a7, 0x1a7, 1), (0x1a9, 0x1a9, 218), (0x1ac, 0x1ac, 1), (0x1ae, 0x1ae, 218),
    (0x1af, 0x1af, 1), (0x1b1, 0x1b2, 217), (0x1b3, 0x1b5, 1), (0x1b7, 0x1b7, 219), (0x1b8, 0x1b8, 1),
    (0x1bc, 0x1bc, 1), (0x1c4, 0x1c4, 2), (0x1c5, 0x1c5, 1), (0x1c7, 0x1c7, 2), (0x1c8, 0x1c8, 1), (0x1ca, 0x1ca, 2),
    (0x1cb, 0x1db, 1), (0x1de, 0x1ee, 1), (0x1f1, 0x1f1, 2), (0x1f2, 0x1f4, 1), (0x1f6, 0x1f6, -97),
    (0x1f7, 0x1f7, -56), (0x1f8, 0x21e, 1), (0x220, 0x220, -130), (0x222, 0x232, 1), (0x23a, 0x23a, 10795),
    (0x23b, 0x23b, 1), (0x23d, 0x23d, -163), (0x23e, 0x23e, 10792), (0x241, 0x241, 1), (0x243, 0x243, -195),
    (0x244, 0x244, 69), (0x245, 0x245, 71), (0x246, 0x24e, 1), (0x370, 0x372, 1), (0x376, 0x376, 1),
    (0x37f, 0x37f, 116), (0x386, 0x386, 38), (0x388, 0x38a, 37), (0x38c, 0x38c, 64), (0x38e, 0x38f, 63),
    (0x391, 0x3a1, 32), (0x3a3, 0x3ab, 32), (0x3c2, 0x3c2, 1), (0x3cf, 0x3cf, 8), (0x3d0, 0x3d0, -30),
    (0x3d1, 0x3d1, -25), (0x3d5, 0x3d5, -15), (0x3d6, 0x3d6, -22), (0x3d8, 0x3ee, 1), (0x3f0, 0x3f0, -54),
    (0x3f1, 0x3f1, -48), (0x3f4, 0x3f4, -60), (0x3f5, 0x3f5, -64), (0x3f7, 0x3f7, 1), (0x3f9, 0x3f9, -7),
    (0x3fa, 0x3fa, 1), (0x3fd, 0x3ff, -130), (0x400, 0x40f, 80), (0x410, 0x42f, 32), (0x460, 0x480, 1),
    (0x48a, 0x4be, 1), (0x4c0, 0x4c0, 15), (0x4c1, 0x4cd, 1), (0x4d0, 0x52e, 1), (0x531, 0x556, 48),
    (0x1c90, 0x1cba, -3008), (0x1cbd, 0x1cbf, -3008), (0x1e00, 0x1e94, 1), (0x1e9b, 0x1e9b, -58),
    (0x1e9e, 0x1e9e, -7615), (0x1ea0, 0x1efe, 1))


# ---- Random numbers, initial values, split ----

class SplitMix64:
    def __init__(self, seed):
        self.state = seed & U64

    def next(self):
        self.state = (self.state + 0x9e3779b97f4a7c15) & U64
        z = self.state
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9 & U64
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb & U64
        return z ^ (z >> 31)

    def uniform(self):
        return (self.next() >> 11) * 2.0 ** -53                         # in [0, 1), exact

    def shuffle(self, items):
        for i in range(len(items) - 1, 0, -1):
            j = self.next() % (i + 1)
            items[i], items[j] = items[j], items[i]


def zeros(rows, columns):
    return [[0.0] * columns for _ in range(rows)]


def initial(symbols, hidden, languages, random):
    def draw(rows, columns, bound):
        return [[(2 * random.uniform() - 1) * bound for _ in range(columns)] for _ in range(rows)]

    U = draw(hidden, symbols, 0.7)                                      # in this order: U, W, V
    W = draw(hidden, hidden, 0.7 / math.sqrt(hidden))
    V = draw(languages, hidden, 1)
    return {"U": U, "b": zeros(hidden, 1), "W": W, "V": V, "c": zeros(languages, 1)}


def fnv1a(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 & U64
    return value


def part(name, split_seed):
    """The first random number of a name as it came, and whether it is for training, validation or test."""
    x = SplitMix64(fnv1a(encode(fold(decode(name)))) + split_seed).next()
    return x, {8: "validation", 9: "test"}.get(x % 10, "training")


# ---- Text ----

def decode(data):
    """The letters (code points) of UTF-8 bytes, or None if they are malformed."""
    letters, i = [], 0
    while i < len(data):
        lead = data[i]
        if lead <= 0x7f:
            further, letter, least = 0, lead, 0
        elif 0xc2 <= lead <= 0xdf:
            further, letter, least = 1, lead & 0x1f, 0x80
        elif 0xe0 <= lead <= 0xef:
            further, letter, least = 2, lead & 0x0f, 0x800
        elif 0xf0 <= lead <= 0xf4:
            further, letter, least = 3, lead & 0x07, 0x10000
        else:
            return None
        tail = data[i + 1:i + 1 + further]
        if len(tail) < further or any(not 0x80 <= byte <= 0xbf for byte in tail):
            return None
        for byte in tail:
            letter = letter << 6 | byte & 0x3f
        if letter < least or letter > 0x10ffff or 0xd800 <= letter <= 0xdfff:
            return None
        letters.append(letter)
        i += 1 + further
    return letters


def encode(letters):
    return "".join(map(chr, letters)).encode()


def fold(letters):
    """The letters without case, as many as before."""
    return [FOLDS_TO.get(letter, letter) for letter in letters]


FOLDS_TO = {letter: letter + move
            for first, last, move in FOLDING for letter in range(first, last + 1, 2 if move == 1 else 1)}


def is_control(letter):
    return letter <= 0x1f or 0x7f <= letter <= 0x9f


def check(line):
    """The verdict on a line, and its name: without a byte order mark, then without white space at both ends."""
    name = line.removeprefix(MARK).strip(WHITE_SPACE)
    if not name:
        return "blank", b""
    if len(name) > 4000:
        return "too_long", b""                                          # before anything is decoded
    letters = decode(name)
    if letters is None:
        return "malformed", b""
    if any(map(is_control, letters)):
        return "control", b""
    return ("too_long", b"") if len(letters) > 1000 else ("accepted", name)


def read_names(data):
    """The verdict on a file, the line that is refused or 0, the repeats passed over, the names."""
    names, repeats = {}, 0                                              # by folded letters; a dict keeps the order
    for number, line in enumerate(data.split(b"\n"), 1):
        verdict, name = check(line)
        if verdict == "blank":
            continue
        if verdict != "accepted":
            return verdict, number, 0, []
        letters = tuple(fold(decode(name)))
        repeats += letters in names
        names.setdefault(letters, name)                                 # the first spelling is kept
    return ("accepted" if names else "no_name"), 0, repeats, list(names.values())


def alphabet_of(names):
    return sorted({letter for name in names for letter in fold(decode(name))})


def symbols_of(name, alphabet):
    index = {letter: symbol for symbol, letter in enumerate(alphabet)}
    return [index.get(letter, UNKNOWN) for letter in fold(decode(name))] + [len(alphabet)]     # the end comes last


def language_of(file):
    return bytes(ord("_") if byte in WHITE_SPACE else byte for byte in file[:-4])          # without .txt


def is_list(file):
    return file.endswith(b".txt") and not file.startswith(b".")


def read_data(files, split_seed):
    """Of files (name, bytes) that are accepted: the languages, the alphabet, the examples of each part."""
    texts = {language_of(name): text for name, text in files if is_list(name)}
    languages = sorted(texts)                                           # bytes: in byte order
    parts = {"training": [], "validation": [], "test": []}
    for k, language in enumerate(languages):
        _, _, _, names = read_names(texts[language])
        for name in names:
            _, its_part = part(name, split_seed)
            parts[its_part].append((k, name))
    return languages, alphabet_of(name for _, name in parts["training"]), parts


def judge_folder(files, split_seed):
    """Whether training takes the files of a folder, and else why not."""
    lists = [(name, text) for name, text in files if is_list(name)]
    languages = {language_of(name) for name, _ in lists}
    if len(languages) < len(lists):
        return "same_language"
    if any(decode(language) is None for language in languages):
        return "bad_language"
    if any(read_names(text)[0] != "accepted" for _, text in lists):
        return "bad_file"
    if len(languages) < 2:
        return "few_languages"
    _, _, parts = read_data(lists, split_seed)
    return "accepted" if len({k for k, _ in parts["training"]}) == len(languages) else "no_training_name"


def checksum(files):
    """FNV-1a of all files of names, one behind the other, sorted by name: of each its name, then its bytes."""
    return fnv1a(b"".join(name + text for name, text in sorted(files) if is_list(name)))


# ---- Packing: this port computes one name at a time and needs none of it ----

def sort_by_length(order, names):
    return sorted(order, key=lambda i: -len(names[i]))                  # Python's sort is stable


def steps_of(names):
    """The symbols of each step's rows; names are sorted."""
    return [[name[t] for name in names if t < len(name)] for t in range(len(names[0]))]


def cut(order, batch_size):
    return [order[j:j + batch_size] for j in range(0, len(order), batch_size)]


# ---- Forward, loss, backward ----

def times(matrix, vector):
    return [sum(map(operator.mul, row, vector)) for row in matrix]


def transposed_times(matrix, vector):
    return [sum(map(operator.mul, column, vector)) for column in zip(*matrix)]


def add_outer(matrix, left, right):
    """matrix += left right'"""
    for row, x in zip(matrix, left):
        row[:] = [entry + x * y for entry, y in zip(row, right)]


def one_hot(index, size):
    return [1.0 if i == index else 0.0 for i in range(size)]


def column(matrix, symbol):
    """matrix x for the one-hot x of a symbol: a column, or zero for the unknown letter."""
    return [row[symbol] if symbol != UNKNOWN else 0.0 for row in matrix]


def add_to_column(matrix, symbol, vector):
    """matrix += vector x' for the one-hot x of a symbol."""
    if symbol != UNKNOWN:
        for row, value in zip(matrix, vector):
            row[symbol] += value


def softmax(o):
    peak = max(o)
    powers = [math.exp(value - peak) for value in o]
    total = sum(powers)
    return [power / total for power in powers]


def forward(p, name):
    """Of each step t = 1..T, one row: a, h (T x hidden), o, y (T x languages)."""
    steps = {"a": [], "h": [], "o": [], "y": []}
    h = [0.0] * len(p["W"])                                             # h_0 = 0
    for symbol in name:
        ux = column(p["U"], symbol)
        a = [b + wh + ux for (b,), wh, ux in zip(p["b"], times(p["W"], h), ux)]                 # b + W h_{t-1} + U x_t
        h = [math.tanh(value) for value in a]                           # h_t = tanh(a_t)
        o = [c + vh for (c,), vh in zip(p["c"], times(p["V"], h))]      # o_t = c + V h_t
        for key, row in zip("ahoy", (a, h, o, softmax(o))):             # y_t = softmax(o_t)
            steps[key].append(row)
    return steps


def most_probable(y):
    return y.index(max(y))                                              # the first of equals


def step_weights(T, prefix_weight):
    return [prefix_weight] * (T - 1) + [1.0]                            # s_T = 1, s_t = prefix_weight before


def cross_entropy(o, y, language):
    k = o.index(max(o))
    return o[k] - o[language] - math.log(y[k])                          # -log y_t[language], finite


def last_loss(steps, language):
    return cross_entropy(steps["o"][-1], steps["y"][-1], language)


def loss(steps, language, prefix_weight):
    s = step_weights(len(steps["y"]), prefix_weight)                    # L = sum over t of s_t * -log y_t[language]
    return sum(s_t * cross_entropy(o, y, language) for s_t, o, y in zip(s, steps["o"], steps["y"]))


def backward(p, name, language, prefix_weight, steps, g):
    """Adds the name's gradients to g; adds do (T x languages), dh, da (T x hidden) to steps."""
    T, s = len(name), step_weights(len(name), prefix_weight)
    do, dh, da = [None] * T, [None] * T, [None] * T
    da_next = [0.0] * len(p["W"])                                       # da_{T+1} = 0
    for t in reversed(range(T)):                                        # t counts from 0 here
        h = steps["h"][t]
        h_before = steps["h"][t - 1] if t > 0 else [0.0] * len(h)
        target = one_hot(language, len(p["V"]))
        do[t] = [s[t] * (y - hot) for y, hot in zip(steps["y"][t], target)]                 # s_t (y_t - onehot)
        dh[t] = [v + r for v, r in zip(transposed_times(p["V"], do[t]), transposed_times(p["W"], da_next))]
        da[t] = [(1 - value * value) * d for value, d in zip(h, dh[t])]                     # (1 - h_t^2) * dh_t
        add_outer(g["c"], do[t], [1.0])                                 # dc += do_t
        add_outer(g["b"], da[t], [1.0])                                 # db += da_t
        add_outer(g["V"], do[t], h)                                     # dV += do_t h_t'
        add_outer(g["W"], da[t], h_before)                              # dW += da_t h_{t-1}'
        add_to_column(g["U"], name[t], da[t])                           # dU += da_t x_t'
        da_next = da[t]
    steps.update({"do": do, "dh": dh, "da": da})


def like(p):
    """Zeros in the shapes of p."""
    return {key: zeros(len(p[key]), len(p[key][0])) for key in FIVE}


def forward_backward(p, names, languages, prefix_weight):
    """Of the names: their steps, and the gradients, summed over the names."""
    g, all_steps = like(p), []
    for name, language in zip(names, languages):
        steps = forward(p, name)
        backward(p, name, language, prefix_weight, steps, g)
        all_steps.append(steps)
    return all_steps, g


# ---- Training ----

def learning_rate(set_up, k, K):
    return set_up["learning_rate"] * (1 - k / K if set_up["decay"] == "linear" else 1)


def clip_factor(norm, clip_norm):
    return min(1.0, clip_norm / norm) if norm else 1.0


def learn(p, v, names, languages, rate, set_up):
    """Changes p and v by one mini-batch; its loss, its right answers, the norm of its gradient, the factor."""
    all_steps, g = forward_backward(p, names, languages, set_up["prefix_weight"])
    total = sum(last_loss(steps, language) for steps, language in zip(all_steps, languages))
    right = sum(most_probable(steps["y"][-1]) == language for steps, language in zip(all_steps, languages))
    g = {key: [[entry / len(names) for entry in row] for row in g[key]] for key in FIVE}       # the mean
    norm = math.sqrt(sum(entry * entry for key in FIVE for row in g[key] for entry in row))
    factor = clip_factor(norm, set_up["clip_norm"])
    if math.isfinite(norm):
        update(p, v, g, factor, rate, set_up["momentum"])
    return total, right, norm, factor


def train(p, names, languages, random, set_up):
    """Changes p; yields (order, loss, right answers, rate, norm, factor) of each mini-batch, even one that ends it."""
    v, order = like(p), list(range(len(names)))
    batches = math.ceil(len(names) / set_up["batch_size"])
    K = set_up["epochs"] * batches
    for epoch in range(set_up["epochs"]):
        random.shuffle(order)                                           # the same generator and order go on
        for j, batch in enumerate(cut(order, set_up["batch_size"])):
            k = epoch * batches + j
            rate = learning_rate(set_up, k, K)
            total, right, norm, factor = learn(p, v, [names[i] for i in batch], [languages[i] for i in batch], rate,
                                               set_up)
            yield list(order), total, right, rate, norm, factor
            if not math.isfinite(norm) or not math.isfinite(total):
                return


def update(p, v, g, factor, rate, momentum):
    for key in FIVE:
        for p_row, v_row, g_row in zip(p[key], v[key], g[key]):
            for i, gradient in enumerate(g_row):
                v_row[i] = momentum * v_row[i] + factor * gradient      # v = momentum v + factor g
                p_row[i] -= rate * v_row[i]                             # parameter = parameter - rate v


def copy_of(p):
    return {key: [list(row) for row in p[key]] for key in FIVE}


def test(p, examples):
    """Of examples (language, symbols): the mean loss, accuracy and macro F1 of p's answers."""
    true, answered, total = [], [], 0.0
    for language, symbols in examples:
        steps = forward(p, symbols)
        true.append(language)
        answered.append(most_probable(steps["y"][-1]))
        total += last_loss(steps, language)
    accuracy, _, macro_f1 = figures(true, answered, len(p["V"]))
    return [total / len(examples), accuracy, macro_f1]


def train_and_choose(parts, symbols, languages, set_up):
    """Of each epoch loss and accuracy of the training names, then of the validation names; the kept epoch, its p."""
    random = SplitMix64(set_up["seed"])
    p = initial(symbols, set_up["hidden"], languages, random)
    true, names = zip(*parts["training"])
    batches = math.ceil(len(names) / set_up["batch_size"])
    training, validation, after = [], [], []
    run = train(p, names, true, random, set_up)
    for _ in range(set_up["epochs"]):
        sums = [sum(numbers) for numbers in zip(*((total, right) for _, total, right, *_ in
                                                  itertools.islice(run, batches)))]
        training.append([sums[0] / len(names), 100 * sums[1] / len(names)])
        if parts["validation"]:
            validation.append(test(p, parts["validation"])[:2])
        after.append(copy_of(p))
    kept = kept_epoch(*([loss for loss, _ in its] for its in (training, validation)))
    return training, validation, kept, after[kept - 1]


def kept_epoch(training_losses, validation_losses):
    """The first of the epochs with the lowest loss, from 1."""
    losses = validation_losses or training_losses                       # training alone where no name is for validation
    return losses.index(min(losses)) + 1


def figures(truth, answered, languages):
    """Accuracy, F1 of each language and macro F1, in per cent."""
    def f1(k):
        right = sum(x == y == k for x, y in zip(truth, answered))       # TP
        return 100 * 2 * right / (truth.count(k) + answered.count(k)) if right else 0.0        # TP + FN, TP + FP

    accuracy = 100 * sum(map(operator.eq, truth, answered)) / len(truth)
    return accuracy, list(map(f1, range(languages))), sum(map(f1, set(truth))) / len(set(truth))


# ---- The model file ----

class Refused(Exception):
    def __init__(self, line, why):
        super().__init__(f"line {line}: {why}")
        self.line = line


DECIMAL = re.compile(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
LETTER = re.compile(rb"U\+([0-9A-F]{4}|[1-9A-F][0-9A-F]{4,5})")


def as_float(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def to_float(word):
    """The float nearest to a decimal; infinite if that is."""
    near = float(word)                                                  # the nearest double
    if near and math.isfinite(near):
        exact = decimal.Decimal(word.decode())
        last_bit = struct.unpack("<Q", struct.pack("<d", near))[0] & 1
        if exact != near and not last_bit:                              # a last bit of 1 keeps what was rounded away,
            near = math.nextafter(near, math.inf if exact > near else -math.inf)    # so that halves round but once
    try:
        return as_float(near)
    except OverflowError:
        return math.inf


def to_decimal(value):
    """The shortest of the decimals with 1 to 9 digits that read back to the same float."""
    return next(text for text in (b"%.*g" % (digits, value) for digits in range(1, 10)) if to_float(text) == value)


def write_model(model):
    def lines(word, items):
        return [b"%b %d" % (word, len(items))] + items

    text = [b"rnn-model 2", b"epoch %d" % model["epoch"], b"split_seed %d" % model["split_seed"],
            b"options " + model["options"], b"hidden %d" % model["hidden"]]
    text += lines(b"languages", model["languages"])
    text += lines(b"letters", [letter_name(letter).encode() for letter in model["letters"]])
    for name in FIVE:
        text.append(b"%b %d %d" % (name.encode(), len(model[name]), len(model[name][0])))
        text += [b" ".join(map(to_decimal, row)) for row in model[name]]
    return b"\n".join(text + [b"end", b""])


class ModelReader:
    def __init__(self, data):
        self.data, self.at, self.line = data, 0, 0

    def need(self, condition, why):
        if not condition:
            raise Refused(self.line, why)

    def next_line(self):
        self.line += 1
        end = self.data.find(b"\n", self.at)
        self.need(end >= 0, "the text ends before its end line, or a line without its \\n")
        line, self.at = self.data[self.at:end], end + 1
        return line

    def integers(self, word, count):
        words = self.next_line().split(b" ")
        self.need(words[0] == word and len(words) == count + 1, f"'{word.decode()}' and {count} integers expected")
        for digits in words[1:]:
            self.need(re.fullmatch(rb"[0-9]{1,20}", digits) and int(digits) <= U64, "not an integer of 64 bits")
        return list(map(int, words[1:]))

    def room(self, count, bytes_each):
        self.need(count * bytes_each <= len(self.data) - self.at, "the rest of the text cannot hold that count")

    def number(self, word):
        self.need(DECIMAL.fullmatch(word), "not a decimal")
        value = to_float(word)
        self.need(math.isfinite(value), "infinite as a float")
        return value

    def size(self, name, rows, columns):
        self.need(self.integers(name.encode(), 2) == [rows, columns], f"{rows} rows of {columns} expected")

    def options(self):
        line = self.next_line()
        self.need(line.startswith(b"options ") and len(line) > 8, "'options' and at least one byte expected")
        return line[8:]

    def numbers(self, rows, columns):
        matrix = []
        for _ in range(rows):
            words = self.next_line().split(b" ")
            self.need(len(words) == columns, "a number too many or too few")
            matrix.append([self.number(word) for word in words])
        return matrix

    def language(self, before):
        language = self.next_line()
        self.need(language and not any(byte in WHITE_SPACE for byte in language), "empty, or white space in it")
        self.need(decode(language) is not None, "malformed UTF-8")
        self.need(not before or before[-1] < language, "languages not in rising byte order")
        return language

    def letter(self, before):
        match = LETTER.fullmatch(self.next_line())
        self.need(match and int(match[1], 16) <= 0x10ffff, "not a letter")
        letter = int(match[1], 16)
        self.need(not 0xd800 <= letter <= 0xdfff, "a surrogate")
        self.need(fold([letter]) == [letter], "a letter that folding changes")
        self.need(not before or before[-1] < letter, "letters not in rising order")
        return letter

    def model(self):
        self.need(self.next_line() == b"rnn-model 2", "not a model of version 2")
        model = {"epoch": self.integers(b"epoch", 1)[0], "split_seed": self.integers(b"split_seed", 1)[0],
                 "options": self.options(), "languages": [], "letters": []}
        hidden, = self.integers(b"hidden", 1)
        self.need(1 <= hidden <= 4096, "hidden below 1 or above 4096")
        model["hidden"] = hidden
        n, = self.integers(b"languages", 1)
        self.need(n >= 2, "fewer than two languages")
        self.room(n, 2)
        for _ in range(n):
            model["languages"].append(self.language(model["languages"]))
        m, = self.integers(b"letters", 1)
        self.room(m, 7)
        for _ in range(m):
            model["letters"].append(self.letter(model["letters"]))
        self.size("U", hidden, m + 1)
        self.room(hidden * (m + 1 + 1 + hidden + n) + n, 2)             # U, b, W, V and c
        model["U"] = self.numbers(hidden, m + 1)
        for name, rows, columns in ("b", hidden, 1), ("W", hidden, hidden), ("V", n, hidden), ("c", n, 1):
            self.size(name, rows, columns)
            model[name] = self.numbers(rows, columns)
        self.need(self.next_line() == b"end", "'end' expected")
        self.line += 1
        self.need(self.at == len(self.data), "text behind the end")
        return model


# ---- Answers, line by line ----

def answer(model, line):
    """What is written of a line, less its \\n."""
    verdict, name = check(line)
    line = line.removeprefix(MARK).removesuffix(b"\r")
    if verdict == "blank":
        return line
    if verdict != "accepted" or b"\t" in line:
        letters = decode(line)
        is_plain = letters is not None and not any(map(is_control, letters))
        return (line if is_plain else b"?") + b"\t?\t0"
    symbols = symbols_of(name, model["letters"])
    if all(symbol == UNKNOWN for symbol in symbols[:-1]):
        return line + b"\t?\t0"
    y = forward(model, symbols)["y"][-1]
    return b"%b\t%b\t%.6f" % (line, model["languages"][most_probable(y)], max(y))


def answers(model, data):
    lines = data.split(b"\n")
    return [answer(model, line) for line in (lines if lines[-1] else lines[:-1])]


# ---- The check: every block of every file ----

class Mismatch(Exception):
    pass


def to_bytes(token):
    return b"" if token == "-" else bytes.fromhex(token)


def letter_name(letter):
    return f"U+{letter:04X}"


def contents(name):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name), "rb") as file:
        return file.read()


class GoldenFile:
    def __init__(self, name):
        self.name, self.values, self.worst, self.blocks, self.read = name, 0, 0.0, {}, set()
        tokens = iter(contents(name).decode("ascii").split())
        for block in tokens:
            size = next(tokens, ""), next(tokens, "")
            if not "".join(size).isdigit() or block in self.blocks:
                raise Mismatch(f"{name}, block {block}: no size, or a second block of that name")
            self.blocks[block] = [[next(tokens, "") for _ in range(int(size[1]))] for _ in range(int(size[0]))]

    def get(self, block, kind=int):
        if block not in self.blocks:
            raise Mismatch(f"{self.name}: block {block} is missing")
        self.read.add(block)
        try:
            return [list(map(kind, row)) for row in self.blocks[block]]
        except ValueError as wrong:
            raise Mismatch(f"{self.name}, block {block}: {wrong}") from None

    def one(self, block, kind=int):
        return self.get(block, kind)[0][0]

    def five(self, prefix=""):
        return {key: self.get(prefix + key, float) for key in FIVE}

    def names(self, count):
        return [self.get(f"name{i}.symbols")[0] for i in range(count)]

    def compare(self, block, mine, kind=int, tolerance=0.0, magnitude=None):
        """magnitude None: the largest in the block. "itself": the number's own. Else a number."""
        golden = self.get(block, kind)
        if [len(row) for row in golden] != [len(row) for row in mine]:
            raise Mismatch(f"{self.name}, block {block}: another shape")
        largest = max((abs(value) for row in golden for value in row), default=0) if tolerance else 0
        for i, (golden_row, my_row) in enumerate(zip(golden, mine)):
            for j, (theirs, my) in enumerate(zip(golden_row, my_row)):
                self.values += 1
                if theirs == my if tolerance else repr(theirs) == repr(my):                 # where exact, 0 is not -0
                    continue
                scale = {None: largest, "itself": abs(theirs)}.get(magnitude, magnitude) if tolerance else 0
                difference = abs(theirs - my) / scale if scale else math.inf
                if not difference <= tolerance:
                    raise Mismatch(f"{self.name}, block {block}, row {i}, column {j} (from 0): {theirs!r} expected, "
                                   f"{my!r} computed")
                self.worst = max(self.worst, difference)

    def close(self, block, mine, **options):
        self.compare(block, mine, float, 1e-11 if self.name.startswith(("training", "small")) else 1e-12, **options)

    def compare_five(self, prefix, mine, **options):
        for key in FIVE:
            self.close(prefix + key, mine[key], **options)

    def done(self):
        unread = [block for block in self.blocks if block not in self.read]
        if unread:
            raise Mismatch(f"{self.name}, block {unread[0]}: nothing has checked it")
        report(self.name, self.values, self.worst)


def report(name, values, worst):
    print(f"ok {name}, {values} values, worst relative difference {worst:.1e}", flush=True)


def check_random(golden):
    seed = golden.one("seed")
    random = SplitMix64(seed)
    golden.compare("next", [[random.next()] for _ in range(10)])
    random = SplitMix64(seed)
    golden.compare("uniform", [[random.uniform()] for _ in range(10)], float)
    golden.compare_five("initial.", initial(*golden.get("initial.sizes")[0], SplitMix64(seed)))
    items = list(range(10))
    SplitMix64(golden.one("shuffle.seed")).shuffle(items)
    golden.compare("shuffle", [items])


def check_split(golden):
    rows = []
    for token, _, split_seed, _, _ in golden.get("split", str):
        name = to_bytes(token)
        x, its_part = part(name, int(split_seed))
        rows.append([token, str(fnv1a(encode(fold(decode(name))))), split_seed, str(x), its_part])
    golden.compare("split", rows, str)


def check_text(golden):
    alphabet = [int(letter[2:], 16) for letter, in golden.get("alphabet", str)]
    again = alphabet_of(["".join(map(chr, reversed(alphabet))).encode()])
    golden.compare("alphabet", [[letter_name(letter)] for letter in again], str)
    folding = [int(letter[2:], 16) for letter, _ in golden.get("folding", str)]
    golden.compare("folding", [list(map(letter_name, pair)) for pair in zip(folding, fold(folding))], str)
    lines = [line for line, _, _ in golden.get("lines", str)]
    checked = [check(to_bytes(line)) for line in lines]
    golden.compare("lines", [[line, verdict, name.hex() or "-"] for line, (verdict, name) in zip(lines, checked)], str)
    for i, (verdict, name) in enumerate(checked):
        if verdict == "accepted" and len(decode(name)) < 1000:
            golden.compare(f"line{i}.letters", [[letter_name(letter) for letter in decode(name)]], str)
            golden.compare(f"line{i}.folded", [[letter_name(letter) for letter in fold(decode(name))]], str)
            golden.compare(f"line{i}.symbols", [symbols_of(name, alphabet)])
    rows = []
    for i, (data, _, _, _) in enumerate(golden.get("files", str)):
        verdict, line, repeats, names = read_names(to_bytes(data))
        rows.append([data, verdict, str(line), str(repeats)])
        golden.compare(f"file{i}.names", [[name.hex()] for name in names], str)
    golden.compare("files", rows, str)


def check_data(golden):
    files = [(to_bytes(name), to_bytes(text)) for name, text in golden.get("files", str)]
    languages, alphabet, parts = read_data(files, golden.one("split_seed"))
    golden.compare("languages", [[language.hex()] for language in languages], str)
    golden.compare("alphabet", [[letter_name(letter)] for letter in alphabet], str)
    for its_part, examples in parts.items():
        golden.compare(its_part, [[str(language), name.hex()] for language, name in examples], str)
        for i, (_, name) in enumerate(examples):
            golden.compare(f"{its_part}{i}.symbols", [symbols_of(name, alphabet)])


def check_folders(golden):
    split_seed, verdicts = golden.one("split_seed"), []
    for i in range(len(golden.get("verdicts", str))):
        files = [(to_bytes(name), to_bytes(text)) for name, text in golden.get(f"folder{i}", str)]
        verdicts.append([judge_folder(files, split_seed)])
    golden.compare("verdicts", verdicts, str)


def check_choice(golden):
    kept = []
    for run in range(len(golden.get("kept")[0])):
        losses = [[loss for loss, _ in golden.get(f"run{run}.{its_part}", float)] for its_part in
                  ("training", "validation")]
        kept.append(kept_epoch(*losses))
    golden.compare("kept", [kept])
    accuracy, f1, macro_f1 = figures(golden.get("true")[0], golden.get("answered")[0], golden.one("languages"))
    golden.close("accuracy", [[accuracy]])
    golden.close("f1", [f1])
    golden.close("macro_f1", [[macro_f1]])


def check_answers(golden):
    model = read_write_read("model.txt")
    for i, (data,) in enumerate(golden.get("inputs", str)):
        golden.compare(f"output{i}", [[line.hex() or "-"] for line in answers(model, to_bytes(data))], str)


def check_packing(golden):
    count = golden.one("names")
    names = golden.names(count)
    order = sort_by_length(range(count), names)
    golden.compare("order", [order])
    steps = steps_of([names[i] for i in order])
    golden.compare("rows", [[len(step) for step in steps]])
    for t, step in enumerate(steps, 1):
        golden.compare(f"step{t}.symbols", [step])
    order = list(range(count))
    SplitMix64(golden.one("epoch.seed")).shuffle(order)
    golden.compare("epoch.order", [order])
    for k, batch in enumerate(cut(order, golden.one("epoch.batch_size"))):
        golden.compare(f"batch{k}", [batch])
        golden.compare(f"batch{k}.order", [sort_by_length(batch, names)])


def check_forward_backward(golden):
    languages = golden.get("languages")[0]
    prefix_weight = golden.one("prefix_weight", float)
    all_steps, g = forward_backward(golden.five(), golden.names(len(languages)), languages, prefix_weight)
    for i, steps in enumerate(all_steps):
        if f"name{i}.a" in golden.blocks or not golden.name.endswith("large.txt"):          # which shows a few names
            for key in "a", "h", "o", "y", "do", "dh", "da":
                golden.close(f"name{i}.{key}", steps[key])
    golden.compare("answers", [[most_probable(steps["y"][-1]) for steps in all_steps]])
    golden.close("loss", [[sum(loss(steps, language, prefix_weight) for steps, language in zip(all_steps, languages))]])
    golden.compare_five("d", g)


def settings_of(golden):
    set_up = {key: golden.one(key) for key in ("hidden", "epochs", "batch_size", "seed")}
    set_up |= {key: golden.one(key, float) for key in ("learning_rate", "momentum", "clip_norm", "prefix_weight")}
    return set_up | {"decay": golden.one("decay", str)}


def check_training(golden):
    set_up = settings_of(golden)
    set_up["symbols"] = golden.one("symbols")
    languages = golden.get("languages")[0]
    names, random = golden.names(len(languages)), SplitMix64(set_up["seed"])
    p = initial(set_up["symbols"], set_up["hidden"], len(golden.get("initial.V", float)), random)
    ends_early, is_given = "ended" in golden.blocks, golden.name.endswith("_not_finite.txt")
    if is_given:
        p = golden.five("initial.")                                     # in place of those that were drawn
    if golden.name.endswith("float.txt"):
        p = {key: [list(map(as_float, row)) for row in p[key]] for key in FIVE}
    golden.compare_five("initial.", p)
    magnitude = "itself" if is_given else None
    orders, batches = [], []
    for order, total, _, *numbers in train(p, names, languages, random, set_up):
        if not batches and "first.U" in golden.blocks:                  # unless this mini-batch ends the run
            golden.compare_five("first.", p, magnitude=magnitude)
        orders.append(order)
        batches.append([total, *numbers])
    if ends_early:
        _, _, norm, _ = batches.pop()
        golden.compare("ended", [[str(len(batches)), "loss" if math.isfinite(norm) else "norm"]], str)
    golden.compare("order", orders[::math.ceil(len(names) / set_up["batch_size"])])
    golden.close("batches", batches, magnitude="itself")
    golden.compare_five("final.", p, magnitude=magnitude)


def check_probabilities(golden, model):
    table = golden.get("probabilities", str)
    rows = [forward(model, symbols_of(to_bytes(name), model["letters"]))["y"][-1] for name, *_ in table]        # y_T
    golden.blocks["probabilities"] = [numbers for _, *numbers in table]
    golden.compare("probabilities", rows, float, 1e-5, magnitude=1.0)
    golden.compare("answers", [[most_probable(y)] for y in rows])


def read_write_read(name):
    return ModelReader(write_model(ModelReader(contents(name)).model())).model()


def check_read_model(golden):
    model = read_write_read(golden.name.replace("probabilities", "model"))
    for key in "epoch", "split_seed", "hidden":
        golden.compare(key, [[model[key]]])
    golden.compare("options", [[model["options"].hex()]], str)
    golden.compare("languages", [[language.hex()] for language in model["languages"]], str)
    golden.compare("letters", [[letter_name(letter)] for letter in model["letters"]], str)
    for key in FIVE:
        golden.compare(key, model[key], float)                          # equal
    check_probabilities(golden, model)


def refused_line(data):
    try:
        ModelReader(data).model()
    except Refused as refusal:
        return refusal.line
    return 0


def check_refusals(golden):
    lines = contents("model.txt").splitlines(keepends=True)
    rows = []
    for first, last, new, _ in golden.get("edits", str):
        edited = b"".join(lines[:int(first) - 1]) + to_bytes(new) + b"".join(lines[int(last):])
        rows.append([first, last, new, str(refused_line(edited))])
    golden.compare("edits", rows, str)


def in_symbols(parts, letters):
    return {its_part: [(language, symbols_of(name, letters)) for language, name in examples]
            for its_part, examples in parts.items()}


def test_folder(model, files):
    """The figures of a model for a folder, with the model's languages and letters."""
    languages, _, parts = read_data(files, model["split_seed"])
    index = [model["languages"].index(language) for language in languages]      # ValueError if the model lacks one
    return test(model, [(index[k], symbols_of(name, model["letters"])) for k, name in parts["test"]])


def check_small(golden):
    """From the bytes of files to the figures of the test; and that test again, of the model written and read."""
    files = [(to_bytes(name), to_bytes(text)) for name, text in golden.get("files", str)]
    set_up, split_seed = settings_of(golden), golden.one("split_seed")
    languages, letters, parts = read_data(files, split_seed)
    repeats = sum(read_names(text)[2] for name, text in files if is_list(name))
    golden.compare("sizes", [[len(languages), len(letters), repeats, *map(len, parts.values())]])
    examples = in_symbols(parts, letters)
    training, validation, kept, p = train_and_choose(examples, len(letters) + 1, len(languages), set_up)
    golden.close("training", training, magnitude="itself")
    golden.close("validation", validation, magnitude="itself")
    golden.compare("kept", [[kept]])
    golden.compare_five("", p)
    golden.close("test", [test(p, examples["test"])], magnitude="itself")
    model = {"epoch": kept, "split_seed": split_seed, "options": b"-", "hidden": set_up["hidden"],
             "languages": languages, "letters": letters}
    model |= {key: [list(map(as_float, row)) for row in p[key]] for key in FIVE}
    model = ModelReader(write_model(model)).model()
    _, _, parts = read_data(files, model["split_seed"])
    figures = test(model, in_symbols(parts, model["letters"])["test"])
    golden.compare("test", [figures], float, 1e-5, magnitude="itself")
    other = [(to_bytes(name), to_bytes(text)) for name, text in golden.get("other.files", str)]
    golden.compare("other.test", [test_folder(model, other)], float, 1e-5, magnitude="itself")
    try:
        test_folder(model, [(to_bytes(name), to_bytes(text)) for name, text in golden.get("lacking.files", str)])
    except ValueError:
        return
    raise Mismatch(golden.name + ", lacking.files: a language that the model lacks is an error")


VERSION = 2                     # of the kit
DEFAULTS = {"hidden": 128, "epochs": 10, "batch_size": 32, "learning_rate": 0.015, "momentum": 0.9, "clip_norm": 10,
            "prefix_weight": 0.15, "decay": "linear", "seed": 1, "split_seed": 1}


def check_whole(golden):
    """The sizes of data/, and the first mini-batches of the defaults, which take about a second each."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir, "data")
    files = [(os.fsencode(name), contents(os.path.join(folder, name))) for name in os.listdir(folder)]
    golden.compare("version", [[VERSION]])
    golden.compare("checksum", [[checksum(files)]])
    languages, alphabet, parts = read_data(files, DEFAULTS["split_seed"])
    repeats = sum(read_names(text)[2] for name, text in files if is_list(name))
    golden.compare("sizes", [[len(languages), len(alphabet), repeats, *map(len, parts.values())]])
    true, names = zip(*in_symbols(parts, alphabet)["training"])
    random = SplitMix64(DEFAULTS["seed"])
    p = initial(len(alphabet) + 1, DEFAULTS["hidden"], len(languages), random)
    run = train(p, names, true, random, DEFAULTS)
    for block in "validation", "four_epochs", "ten_epochs", "test":     # plain Python is too slow for these
        golden.get(block, float)
    if "--whole" not in sys.argv:
        del golden.blocks["minibatches"][10:]
    losses = [[total / DEFAULTS["batch_size"]]
              for _, total, *_ in itertools.islice(run, len(golden.blocks["minibatches"]))]
    golden.compare("minibatches", losses, float, 1e-9, magnitude=1.0)
    if "--whole" in sys.argv:
        figures = test(p, in_symbols(parts, alphabet)["validation"])[:2]
        golden.compare("validation", [figures], float, 1e-9, magnitude=1.0)


CHECKS = (
    ("random.txt", check_random), ("split.txt", check_split), ("text.txt", check_text), ("data.txt", check_data),
    ("packing.txt", check_packing), ("forward_backward/one_name.txt", check_forward_backward),
    ("forward_backward/batch.txt", check_forward_backward), ("forward_backward/last_step.txt", check_forward_backward),
    ("forward_backward/plain_sum.txt", check_forward_backward), ("forward_backward/tanh.txt", check_forward_backward),
    ("forward_backward/huge.txt", check_forward_backward), ("forward_backward/huge17.txt", check_forward_backward),
    ("forward_backward/large.txt", check_forward_backward),
    ("training/linear.txt", check_training), ("training/none.txt", check_training),
    ("training/float.txt", check_training),
    ("training/norm_not_finite.txt", check_training), ("training/loss_not_finite.txt", check_training),
    ("training/o_not_finite.txt", check_training), ("training/prefix_not_finite.txt", check_training),
    ("choose.txt", check_choice), ("small.txt", check_small), ("small2.txt", check_small),
    ("folders.txt", check_folders),
    ("probabilities.txt", check_read_model), ("probabilities2.txt", check_read_model),
    ("probabilities3.txt", check_read_model), ("refusals.txt", check_refusals), ("answers.txt", check_answers),
    ("whole.txt", check_whole))


def main():
    try:
        for name, its_check in CHECKS:
            golden = GoldenFile(name)
            its_check(golden)
            golden.done()
    except Mismatch as mismatch:
        sys.exit(str(mismatch))
    except Refused as refusal:
        sys.exit(f"{name}: its model is refused: {refusal}")


if __name__ == "__main__":
    main()
