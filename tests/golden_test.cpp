// rnn.hpp against tests/golden/: numbers of an independent oracle, which tests/golden.py makes. Built in double, and in
// float by golden_float_test.cpp. What needs rnn.cpp is in golden_program.hpp.
#include "golden.hpp"

using namespace golden;

namespace {

using namespace boost::ut::literals;

Parameters parameters(Golden& golden, const std::string& before) {
  const Block &U = golden[before + "U"], &V = golden[before + "V"];
  Parameters p = zero_parameters(U.columns, U.rows, V.rows);
  for (const Listed& each : all_parameters) {
    Matrix& matrix = p.*each.matrix;
    const Block& block = golden[before + each.name];
    if (block.rows != matrix.rows || block.columns != matrix.columns)
      throw std::runtime_error(golden.file + ": size of " + each.name);
    for (size_t i = 0; i < matrix.rows; ++i)
      for (size_t j = 0; j < matrix.columns; ++j) matrix(i, j) = static_cast<Real>(number(block(i, j)));
  }
  return p;
}

Examples named_examples(Golden& golden) {
  Examples examples;
  const std::vector<size_t> languages = golden.indices("languages");
  for (size_t i = 0; i < languages.size(); ++i)
    examples.push_back({golden.symbols(numbered("name", i, ".symbols")), languages[i]});
  return examples;
}

// Every h_t, o_t, y_t, the loss, every do_t, da_t and the gradients, by both parts. (Neither keeps a_t and dh_t.)
void check_passes(const std::string& file) {
  constexpr double tolerance = is_float ? 1e-5 : 1e-12;
  Golden golden(file);
  const Examples examples = named_examples(golden);
  const Parameters p = parameters(golden, "");
  const Real prefix_weight = static_cast<Real>(golden.real("prefix_weight"));
  const Passes plain = plain_passes(p, examples, prefix_weight);
  expect_close(golden, "loss", tolerance, static_cast<double>(plain.loss));
  expect_close(golden, "d", tolerance, plain.gradient);

  const fast::Network network(p);
  fast::Unrolled u = unroll(p, examples);
  fast::Parameters fast_gradient(p.symbols, p.hidden, p.languages);
  fast::forward(network, u);
  fast::backward(network, u, prefix_weight, fast_gradient);
  expect_close(golden, "d", tolerance, fast_gradient.plain());

  const std::vector<size_t> sorted = by_length(examples);
  size_t shown = 0;
  for (size_t i = 0; i < examples.size(); ++i) {
    const size_t its_name = sorted[i];
    const std::string name = numbered("name", its_name, ".");
    expect(golden.indices("answers").at(its_name) == most_probable(plain.steps[its_name].back().y)) << file << its_name;
    if (!golden.has(name + "a")) continue;
    ++shown;
    const auto check = [&](const char* what, const Vector Step::*member, const fast::Matrix& rows) {
      const size_t T = examples[its_name].symbols.size();
      expect_close(golden, name + what, tolerance, T, rows.columns,
                   [&](size_t t, size_t j) { return (plain.steps[its_name][t + 1].*member)[j]; });
      expect_close(golden, name + what, tolerance, T, rows.columns,
                   [&](size_t t, size_t j) { return rows.of(u.packed.step[t + 1])(i, j); });
    };
    for (const char* not_kept : {"a", "dh"}) expect(golden[name + not_kept].rows > 0);
    check("h", &Step::h, u.h);
    check("o", &Step::o, u.o);
    check("y", &Step::y, u.y);
    check("do", &Step::d_o, u.d_o);
    check("da", &Step::d_a, u.d_a);
  }
  expect(shown == (examples.size() > 30 ? 2 : examples.size())) << file << shown;
  golden.expect_all_read();
}

// Trains as the file does, with part 1 or part 2.
void check_training(const std::string& file, double tolerance, bool plain) {
  Golden golden(file);
  const Examples examples = named_examples(golden);
  const Settings settings = settings_of(golden);
  Training training = start_training(settings, golden.count("symbols"), golden["initial.V"].rows, examples.size());
  const bool ends_early = golden.has("ended"), is_given = file.ends_with("_not_finite.txt");
  golden.each_number = is_given;
  if (is_given) training.parameters = parameters(golden, "initial.");  // in place of those that were drawn
  expect_close(golden, "initial.", is_float ? 1e-7 : tolerance, training.parameters);
  fast::Learner learner(training, examples);

  const Block &orders = golden["order"], &rows = golden["batches"];
  expect(orders.columns == examples.size() && (rows.rows == 0 || rows.columns == 4u));
  const auto close = [&](size_t k, size_t column, double ours) {
    const double theirs = number(rows(k, column));
    expect(std::abs(ours - theirs) <= tolerance * std::abs(theirs))
        << golden.file << plain << k << column << ours << theirs;
  };
  const size_t all = settings.epochs * ceil_divide(examples.size(), settings.batch_size);
  size_t epoch = 0, k = 0, clipped = 0;
  bool ended = false;
  for (; epoch < settings.epochs && !ended; ++epoch) {
    train_epoch(training, epoch, [&](std::span<const size_t> batch, Real rate) {
      if (ended) return;
      Score score;
      const double norm = plain ? learn(training, examples, batch, rate, score)
                                : fast::learn(learner, examples, batch, rate, in_turn, score);
      if (!plain) training.parameters = learner.network.parameters.plain();
      ended = !std::isfinite(norm) || !std::isfinite(score.sum);
      if (ended) {
        const Block& end = golden["ended"];
        expect(k == integer(end(0, 0)) && end(0, 1) == (std::isfinite(norm) ? "loss" : "norm")) << file << plain << k;
        return;
      }
      const double factor = clip_factor(norm, settings.clip_norm);
      close(k, 0, score.sum);
      close(k, 1, learning_rate(settings, k, all));
      expect(rate == static_cast<Real>(learning_rate(settings, k, all))) << file << k;
      close(k, 2, norm);
      close(k, 3, factor);
      clipped += factor < 1;
      if (k++ == 0) expect_close(golden, "first.", tolerance, training.parameters);
    });
    for (size_t i = 0; i < examples.size(); ++i)
      expect(training.order[i] == integer(orders(epoch, i))) << file << epoch << i;
  }
  expect(ended == ends_early && orders.rows == epoch && rows.rows == k) << file << plain << epoch << k;
  expect(ended || k == all) << file << k;
  expect(is_given || (clipped > 0 && clipped < k)) << "some were clipped" << clipped;
  expect_close(golden, "final.", tolerance, training.parameters);
  golden.expect_all_read();
}

// The languages and names of files, given by their names. What begins with a dot, or is not *.txt, is passed over.
Data data_of(const std::map<std::string, std::string>& files) {
  std::map<std::string, NameList> lists;
  for (const auto& [file, text] : files)
    if (file.ends_with(".txt") && !file.starts_with('.'))
      lists[language_of(file.substr(0, file.size() - 4))] = read_names(text);
  Data data;
  for (const auto& [language, list] : lists) {
    data.languages.push_back(language);
    data.names.push_back(list);
  }
  return data;
}

// Training on data/ itself: sizes, and the first mini-batches of the defaults. The epochs that the file has are held by
// cli_test.sh, to the program itself.
void check_whole() {
  Golden golden("whole.txt");
  std::map<std::string, std::string> files;
  for (const auto& file : fs::directory_iterator("data"))
    if (file.is_regular_file()) files[file.path().filename().string()] = contents(file.path().string());
  const Data data = data_of(files);
  std::string everything;
  for (const auto& [file, text] : files)
    if (file.ends_with(".txt") && !file.starts_with('.')) everything += file + text;
  expect(golden.count("version") == 2u && golden.count("checksum") == fnv1a(everything)) << "data/ is another";
  Settings settings;
  const Alphabet alphabet = alphabet_of(data, settings.split_seed);
  const auto part = [&](Part its) { return examples_of(data, its, settings.split_seed, alphabet, data.languages); };
  const Examples examples = part(Part::training), validation = part(Part::validation);
  size_t repeats = 0;
  for (const NameList& list : data.names) repeats += list.repeats;
  expect(golden.indices("sizes") == std::vector<size_t>{data.languages.size(), alphabet.letters.size(), repeats,
                                                        examples.size(), validation.size(), part(Part::test).size()});
  expect(golden["four_epochs"].rows == 4u && golden["ten_epochs"].rows == settings.epochs);
  expect(golden["test"].columns == 3u);
  Training training = start_training(settings, alphabet.symbols(), data.languages.size(), examples.size());
  fast::Learner learner(training, examples);
  size_t k = 0;
  train_epoch(training, 0, [&](std::span<const size_t> batch, Real rate) {
    if (k == golden["minibatches"].rows) return;
    Score score;
    fast::learn(learner, examples, batch, rate, in_turn, score);
    const double theirs = number(golden["minibatches"](k, 0)), ours = score.mean_cross_entropy();
    expect(std::abs(ours - theirs) <= (is_float ? 1e-5 : 1e-9)) << k << theirs << ours;
    ++k;
  });
  Score score;
  fast::classify(learner.network, validation, in_turn,
                 [&](size_t i, Numbers o, Numbers y) { score.add(o, y, validation[i].language); });
  const double loss = number(golden["validation"](0, 0)), accuracy = number(golden["validation"](0, 1));
  expect(std::abs(score.mean_cross_entropy() - loss) <= (is_float ? 1e-5 : 1e-9)) << score.mean_cross_entropy();
  expect(std::abs(score.accuracy() - accuracy) <= 0.1) << score.accuracy();
  golden.expect_all_read();
}

// The probabilities and answers that a model gives to the file's names.
void check_answers(Golden& golden, const Model& model) {
  const Block &probabilities = golden["probabilities"], &answers = golden["answers"];
  expect(probabilities.rows > 0 && probabilities.columns == 1 + model.languages.size());
  expect(answers.rows == probabilities.rows && answers.columns == 1u);
  Examples examples;
  for (size_t i = 0; i < probabilities.rows; ++i)
    examples.push_back({model.alphabet.encode(decode_name(bytes(probabilities(i, 0)))), 0});
  size_t answered = 0;
  const auto check = [&](size_t i, Numbers, Numbers y) {
    ++answered;
    for (size_t k = 0; k < model.languages.size(); ++k)
      expect(std::abs(static_cast<double>(y[k]) - number(probabilities(i, k + 1))) <= 1e-5) << i << k << y[k];
    expect(most_probable(y) == integer(answers(i, 0))) << golden.file << i;
  };
  classify(fast::Network(model.parameters), examples, in_turn, check);
  for (size_t i = 0; i < examples.size(); ++i) check(i, {}, forward(model.parameters, examples[i].symbols).back().y);
  expect(answered == 2 * probabilities.rows);
}

// The model that `file` holds, which must be what the file of its probabilities says, to the bit.
Model read_golden_model(Golden& golden, const std::string& file) {
  const Model model = read_model(contents("tests/golden/" + file));
  expect(model.epoch == integer(golden["epoch"](0, 0)) && model.split_seed == integer(golden["split_seed"](0, 0)));
  expect(model.options == bytes(golden["options"](0, 0))) << file;
  expect(model.parameters.hidden == golden.count("hidden"));
  expect(model.languages == golden["languages"].all(bytes));
  expect(model.alphabet.letters == letters_of(golden, "letters"));
  for (const Listed& each : all_parameters) {
    const Matrix& matrix = model.parameters.*each.matrix;
    const Block& block = golden[each.name];
    expect(block.rows == matrix.rows && block.columns == matrix.columns) << file << each.name;
    for (size_t k = 0; k < block.tokens.size(); ++k) {
      const double theirs = number(block.tokens[k]), ours = static_cast<double>(matrix.numbers.at(k));
      expect(ours == theirs && std::signbit(ours) == std::signbit(theirs)) << file << each.name << k << ours;
    }
  }
  return model;
}

std::string verdict(const TextError& wrong) {
  const std::string what = wrong.what();
  if (what.starts_with("malformed UTF-8")) return "malformed";
  if (what.starts_with("a name of more than")) return "too_long";
  if (what.find(" in a name") != what.npos) return "control";
  return what.starts_with("no name") ? "no_name" : what;
}

}  // namespace

int main() {
  "random numbers, initial values and a shuffle"_test = [] {
    Golden golden("random.txt");
    SplitMix64 random{golden.count("seed")}, draws = random, initial = random;
    const Block &next = golden["next"], &uniform = golden["uniform"];
    expect(next.rows == 10u && uniform.rows == 10u);
    for (size_t i = 0; i < next.rows; ++i) expect(random.next() == integer(next(i, 0))) << i;
    for (size_t i = 0; i < uniform.rows; ++i) expect(draws.uniform() == number(uniform(i, 0))) << i;

    const std::vector<size_t> sizes = golden.indices("initial.sizes");
    const Parameters p = initial_parameters(sizes.at(0), sizes.at(1), sizes.at(2), initial);
    for (const char* name : {"initial.b", "initial.c"})
      for (const std::string& token : golden[name].tokens) expect(number(token) == 0) << name;
    expect_close(golden, "initial.", is_float ? 1e-7 : 1e-15, p);

    SplitMix64 shuffler{golden.count("shuffle.seed")};
    std::vector<size_t> items(golden["shuffle"].columns);
    std::iota(items.begin(), items.end(), size_t{0});
    shuffle(items, shuffler);
    expect(items.size() == 10u && items == golden.indices("shuffle"));
    golden.expect_all_read();
  };

  "FNV-1a of the folded name, and the split"_test = [] {
    Golden golden("split.txt");
    const Block& split = golden["split"];
    const std::map<std::string, Part> parts{
        {"training", Part::training}, {"validation", Part::validation}, {"test", Part::test}};
    expect(split.rows >= 20u && split.columns == 5u);
    for (size_t i = 0; i < split.rows; ++i) {
      const std::string text = bytes(split(i, 0));
      const Name name{text, fnv1a(folded(decode_name(text)))};
      const std::uint64_t split_seed = integer(split(i, 2));
      expect(name.hash == integer(split(i, 1))) << text;
      expect(SplitMix64{name.hash + split_seed}.next() == integer(split(i, 3))) << text << split_seed;
      for (const auto& [its_name, part] : parts)
        expect(in_part(name, part, split_seed) == (its_name == split(i, 4))) << text << split_seed << its_name;
    }
    golden.expect_all_read();
  };

  "lines and files of names: trimming, UTF-8, letters and symbols"_test = [] {
    Golden golden("text.txt");
    const Block& table = golden["folding"];
    expect(table.rows > 1000u && table.columns == 2u);
    for (size_t i = 0; i < table.rows; ++i)
      expect(fold(code_point(table(i, 0))) == code_point(table(i, 1))) << table(i, 0) << table(i, 1);
    const Alphabet alphabet(letters_of(golden, "alphabet"));
    const Block& lines = golden["lines"];
    expect(lines.rows >= 50u && lines.columns == 3u);
    for (size_t i = 0; i < lines.rows; ++i) {
      const std::string line = bytes(lines(i, 0));
      const std::string_view name = trim(line);
      std::u32string letters;
      std::string found = name.empty() ? "blank" : "accepted";
      try {
        letters = decode_name(name);
      } catch (const TextError& wrong) {
        found = verdict(wrong);
      }
      expect(found == lines(i, 1)) << i << found;
      expect(bytes(lines(i, 2)) == (found == "accepted" ? name : std::string_view{})) << i;
      if (!golden.has(numbered("line", i, ".letters"))) {
        expect(found != "accepted" || letters.size() >= 1000) << i;
        continue;
      }
      expect(letters == letters_of(golden, numbered("line", i, ".letters"))) << i;
      std::u32string folded_letters;
      for (const char32_t letter : letters) folded_letters += fold(letter);
      expect(folded_letters == letters_of(golden, numbered("line", i, ".folded"))) << i;
      expect(alphabet.encode(letters) == golden.symbols(numbered("line", i, ".symbols"))) << i;
      std::string encoded;
      for (const char32_t letter : letters) encoded += encode_utf8(letter);
      expect(encoded == name) << i;
    }

    const Block& files = golden["files"];
    expect(files.rows >= 5u && files.columns == 4u);
    for (size_t i = 0; i < files.rows; ++i) {
      const std::string text = bytes(files(i, 0));
      NameList list;
      std::string found = "accepted";
      size_t line = 0;
      try {
        list = read_names(text);
      } catch (const TextError& wrong) {
        found = verdict(wrong);
        line = wrong.line;
      }
      expect(found == files(i, 1)) << i << found;
      expect(line == integer(files(i, 2))) << i << line;
      expect(list.repeats == integer(files(i, 3))) << i;
      const std::vector<std::string> names = golden[numbered("file", i, ".names")].all(bytes);
      expect(std::equal(names.begin(), names.end(), list.names.begin(), list.names.end(),
                        [](const std::string& theirs, const Name& ours) { return theirs == ours.text; }))
          << i;
    }
    golden.expect_all_read();
  };

  "a packed batch, and the mini-batches of an epoch"_test = [] {
    Golden golden("packing.txt");
    Examples examples;
    for (size_t i = 0; i < golden.count("names"); ++i)
      examples.push_back({golden.symbols(numbered("name", i, ".symbols")), 0});
    const std::vector<size_t> sorted_names = by_length(examples);
    expect(sorted_names == golden.indices("order"));
    fast::Packed packed;
    fast::pack(examples, sorted_names, packed);
    const std::vector<size_t> rows = golden.indices("rows");
    expect(rows.size() == packed.steps());
    for (size_t t = 1; t <= std::min(rows.size(), packed.steps()); ++t) {
      const fast::Rows step = packed.step[t];
      expect(step.count == rows[t - 1]) << t;
      std::vector<Symbol> symbols;
      for (size_t r = step.first; r < step.first + step.count; ++r) symbols.push_back(packed.symbol[r]);
      expect(symbols == golden.symbols(numbered("step", t, ".symbols"))) << t;
    }

    SplitMix64 shuffler{golden.count("epoch.seed")};
    std::vector<size_t> order(examples.size());
    std::iota(order.begin(), order.end(), size_t{0});
    shuffle(order, shuffler);
    expect(order == golden.indices("epoch.order"));
    const size_t size = golden.count("epoch.batch_size");
    for (size_t first = 0; first < order.size(); first += size) {
      const size_t k = first / size, count = std::min(size, order.size() - first);
      const std::span<const size_t> names(order.data() + first, count);
      expect(std::vector<size_t>(names.begin(), names.end()) == golden.indices(numbered("batch", k))) << k;
      std::vector<size_t> sorted;
      fast::sort_by_length(examples, names, sorted);
      expect(sorted == golden.indices(numbered("batch", k, ".order"))) << k;
    }
    golden.expect_all_read();
  };

  for (const char* file : {"one_name", "batch", "last_step", "plain_sum", "tanh", "huge", "huge17", "large"})
    "forward and backward"_test = [=] { check_passes(std::string("forward_backward/") + file + ".txt"); };

  for (const bool plain : {true, false})
    if (is_float) {
      "ten mini-batches in float"_test = [=] { check_training("training/float.txt", 1e-5, plain); };
    } else {
      "forty mini-batches, with clipping and momentum, under linear decay"_test = [=] {
        check_training("training/linear.txt", 1e-11, plain);
      };
      "fifty mini-batches, with clipping and momentum, without decay"_test = [=] {
        check_training("training/none.txt", 1e-11, plain);
      };
      for (const char* what : {"norm", "o", "loss", "prefix"})
        "training ends without an update if the norm is not finite, after it if the loss is not, and not for L"_test =
            [=] { check_training(std::string("training/") + what + "_not_finite.txt", 1e-12, plain); };
    }

  "data/ gives the sizes, and the defaults the losses, that the kit has"_test = check_whole;

  "a model is read, written again as it was, and gives its probabilities"_test = [] {
    Golden golden("probabilities.txt");
    const Model model = read_golden_model(golden, "model.txt");
    expect(write_model(model) == contents("tests/golden/model.txt"));
    check_answers(golden, model);
    golden.expect_all_read();
  };

  for (const char* which : {"2", "3"})
    "a model in unusual decimals and letters, and one of a single unit and no letter, are read to the bit"_test = [=] {
      Golden golden(std::string("probabilities") + which + ".txt");
      const Model model = read_golden_model(golden, std::string("model") + which + ".txt");
      expect(write_model(read_model(write_model(model))) == write_model(model));
      check_answers(golden, model);
      golden.expect_all_read();
    };

  "a broken model is refused at its line"_test = [] {
    const std::string text = contents("tests/golden/model.txt");
    std::vector<size_t> start{0};  // of each line, and the end
    for (size_t end = text.find('\n'); end != text.npos; end = text.find('\n', end + 1)) start.push_back(end + 1);
    Golden golden("refusals.txt");
    const Block& edits = golden["edits"];
    expect(edits.rows >= 100u && edits.columns == 4u);
    for (size_t i = 0; i < edits.rows; ++i) {
      const std::string before = text.substr(0, start.at(integer(edits(i, 0)) - 1));
      size_t line = 0;
      try {
        read_model(before + bytes(edits(i, 2)) + text.substr(start.at(integer(edits(i, 1)))));
      } catch (const TextError& wrong) {
        line = wrong.line;
      }
      expect(line == integer(edits(i, 3))) << i << edits(i, 0) << edits(i, 2) << line;
    }
    golden.expect_all_read();
  };
}
