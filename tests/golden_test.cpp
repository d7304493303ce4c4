// The program against tests/golden/: numbers of an independent oracle. Their grammar is in tests/golden/README.md, what
// made them in tests/golden.py. Built in double, and in float by golden_float_test.cpp.
#define main rnn_main
#include "../rnn.cpp"
#undef main
#include <stdexcept>
#include <type_traits>
#include "common.hpp"
#include "ut.hpp"

using namespace common;

namespace {

using boost::ut::expect;
using namespace boost::ut::literals;

constexpr bool is_float = sizeof(Real) == sizeof(float);

std::string contents(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error(file + " cannot be read: run this from the project's folder");
  return {std::istreambuf_iterator<char>(in), {}};
}

double number(const std::string& token) {
  size_t read = 0;
  const double value = std::stod(token, &read);
  if (read != token.size()) throw std::runtime_error("not a number: " + token);
  return value;
}

std::uint64_t integer(const std::string& token) {
  size_t read = 0;
  const std::uint64_t value = std::stoull(token, &read);
  if (read != token.size()) throw std::runtime_error("not an integer: " + token);
  return value;
}

Symbol symbol(const std::string& token) { return token == "-1" ? unknown : static_cast<Symbol>(integer(token)); }

std::string bytes(const std::string& hexadecimal) {
  std::string found;
  if (hexadecimal == "-") return found;
  for (size_t i = 0; i < hexadecimal.size(); i += 2)
    found += static_cast<char>(std::stoi(hexadecimal.substr(i, 2), nullptr, 16));
  return found;
}

struct Block {
  size_t rows = 0, columns = 0;
  std::vector<std::string> tokens;
  bool read = false;

  const std::string& operator()(size_t i, size_t j) const { return tokens.at(i * columns + j); }
  template <class F>
  auto all(F f) const {
    std::vector<std::invoke_result_t<F, std::string>> values;
    for (const std::string& token : tokens) values.push_back(f(token));
    return values;
  }
};

// The blocks of a file by name. A block that no test asked for is a failure.
class Golden {
 public:
  explicit Golden(const std::string& its_file) : file(its_file) {
    std::istringstream in(contents("tests/golden/" + file));
    for (std::string name; in >> name;) {
      Block block;
      if (!(in >> block.rows >> block.columns) || block.rows * block.columns > 1'000'000)
        throw std::runtime_error(file + ": no size for " + name);
      block.tokens.resize(block.rows * block.columns);
      for (std::string& token : block.tokens)
        if (!(in >> token)) throw std::runtime_error(file + ": too few tokens in " + name);
      if (!blocks.emplace(name, std::move(block)).second) throw std::runtime_error(file + ": two blocks " + name);
    }
  }

  bool has(const std::string& name) const { return blocks.contains(name); }
  const Block& operator[](const std::string& name) {
    const auto found = blocks.find(name);
    if (found == blocks.end()) throw std::runtime_error(file + " has no block " + name);
    found->second.read = true;
    return found->second;
  }
  double real(const std::string& name) { return number((*this)[name](0, 0)); }
  size_t count(const std::string& name) { return static_cast<size_t>(integer((*this)[name](0, 0))); }
  std::vector<size_t> indices(const std::string& name) {
    return (*this)[name].all([](const std::string& token) { return static_cast<size_t>(integer(token)); });
  }
  std::vector<Symbol> symbols(const std::string& name) { return (*this)[name].all(symbol); }

  void expect_all_read() const {
    for (const auto& [name, block] : blocks) expect(block.read) << file << name << "was held against nothing";
  }

  const std::string file;
  bool each_number = false;  // expect_close holds each number to its own magnitude, rather than to the block's largest

 private:
  std::map<std::string, Block> blocks;
};

// entry(i, j) of every entry is within `tolerance` times the largest magnitude in the block.
template <class Entry>
void expect_close(Golden& golden, const std::string& name, double tolerance, size_t rows, size_t columns, Entry entry) {
  const Block& block = golden[name];
  expect(block.rows == rows && block.columns == columns) << golden.file << name << rows << columns;
  if (block.rows != rows || block.columns != columns) return;
  Largest largest, worst;
  bool each_close = true;
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < columns; ++j) {
      const double theirs = number(block(i, j)), ours = static_cast<double>(entry(i, j));
      largest(theirs);
      worst(ours - theirs);
      each_close = each_close && (!golden.each_number || std::abs(ours - theirs) <= tolerance * std::abs(theirs));
    }
  expect(each_close && worst <= tolerance * largest) << golden.file << name << "differs by" << worst << "of" << largest;
}

void expect_close(Golden& golden, const std::string& name, double tolerance, double value) {
  expect_close(golden, name, tolerance, 1, 1, [&](size_t, size_t) { return value; });
}

void expect_close(Golden& golden, const std::string& before, double tolerance, const Parameters& p) {
  for (const Listed& each : all_parameters) {
    const Matrix& matrix = p.*each.matrix;
    expect_close(golden, before + each.name, tolerance, matrix.rows, matrix.columns, matrix);
  }
}

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

std::string numbered(const char* what, size_t i, const char* rest = "") { return what + std::to_string(i) + rest; }

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

Settings settings_of(Golden& golden) {
  Settings settings;
  settings.hidden = golden.count("hidden");
  settings.epochs = golden.count("epochs");
  settings.batch_size = golden.count("batch_size");
  settings.learning_rate = golden.real("learning_rate");
  settings.momentum = golden.real("momentum");
  settings.clip_norm = golden.real("clip_norm");
  settings.prefix_weight = golden.real("prefix_weight");
  settings.seed = golden.count("seed");
  const std::string decay = golden["decay"](0, 0);
  expect(decay == "linear" || decay == "none") << decay;
  settings.linear_decay = decay == "linear";
  return settings;
}

// Trains as the file does, with part 1 or part 2.
void check_training(const std::string& file, double tolerance, bool plain) {
  Golden golden(file);
  const Examples examples = named_examples(golden);
  const Settings settings = settings_of(golden);
  Training training = start_training(settings, golden.count("symbols"), golden["initial.V"].rows, examples.size());
  const bool ends_early = golden.has("ended");
  golden.each_number = ends_early;
  if (ends_early) training.parameters = parameters(golden, "initial.");  // in place of those that were drawn
  expect_close(golden, "initial.", is_float ? 1e-7 : tolerance, training.parameters);
  fast::Learner learner(training, examples);

  const Block &orders = golden["order"], &rows = golden["batches"];
  expect(orders.columns == examples.size() && rows.columns == 4u);
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
  expect(ended || (k == all && clipped > 0 && clipped < k)) << "some were clipped" << clipped;
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

// The whole program in small: from the bytes of files to the figures of the test, and that test again of the model
// written and read, which has floats.
void check_small(const std::string& file, bool plain) {
  constexpr double tolerance = is_float ? 1e-5 : 1e-11;
  Golden golden(file);
  std::map<std::string, std::string> files;
  const Block& table = golden["files"];
  for (size_t i = 0; i < table.rows; ++i) files[bytes(table(i, 0))] = bytes(table(i, 1));
  const Data data = data_of(files);
  Settings settings = settings_of(golden);
  settings.split_seed = integer(golden["split_seed"](0, 0));
  Model model = new_model(data, file, settings);
  const auto part = [&](Part its) { return examples_of(data, its, model.split_seed, model.alphabet, model.languages); };
  const Examples examples = part(Part::training), validation = part(Part::validation), to_test = part(Part::test);
  size_t repeats = 0;
  for (const NameList& list : data.names) repeats += list.repeats;
  expect(golden.indices("sizes") == std::vector<size_t>{model.languages.size(), model.alphabet.letters.size(), repeats,
                                                        examples.size(), validation.size(), to_test.size()});
  Team team(1);
  Trainer trainer(start_training(settings, model.alphabet.symbols(), model.languages.size(), examples.size()), examples,
                  team, plain);
  std::vector<EpochRecord> history;
  while (history.size() < settings.epochs) {
    history.push_back(run_epoch(trainer, validation, history.size()));
    if (kept_epoch(history) == history.size()) model.parameters = trainer.training.parameters;
  }
  model.epoch = kept_epoch(history);
  expect(model.epoch == integer(golden["kept"](0, 0))) << file << plain << model.epoch;
  expect_close(golden, "", tolerance, model.parameters);
  golden.each_number = true;
  const auto figures = [&](const char* block, size_t rows, const Score EpochRecord::*score) {
    expect_close(golden, block, tolerance, rows, rows == 0 ? 0 : 2, [&](size_t i, size_t j) {
      return j == 0 ? (history[i].*score).mean_cross_entropy() : (history[i].*score).accuracy();
    });
  };
  figures("training", settings.epochs, &EpochRecord::training);
  figures("validation", validation.empty() ? 0 : settings.epochs, &EpochRecord::validation);
  const auto check_test = [&](double its_tolerance) {
    const Evaluation test = evaluate(Classifier(model.parameters, team, plain), part(Part::test));
    const double theirs[] = {test.score.mean_cross_entropy(), test.score.accuracy(), 100 * test.confusion.macro_f1()};
    expect_close(golden, "test", its_tolerance, 1, 3, [&](size_t, size_t j) { return theirs[j]; });
  };
  check_test(tolerance);
  model = read_model(write_model(model));
  check_test(1e-5);
  golden.expect_all_read();
}

// Training on data/ itself, as the defaults have it: sizes, the first mini-batches, and in float all epochs.
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
  auto run = in_turn;
  const auto score_of = [&](const fast::Network& network, const Examples& names) {
    Score score;
    classify(network, names, run, [&](size_t i, Numbers o, Numbers y) { score.add(o, y, names[i].language); });
    return score;
  };
  const auto expect_near = [&](const char* name, size_t i, size_t j, double tolerance, double ours) {
    const double theirs = number(golden[name](i, j));
    expect(std::abs(ours - theirs) <= tolerance) << golden.file << name << i << j << theirs << ours;
  };

  {
    Training training = start_training(settings, alphabet.symbols(), data.languages.size(), examples.size());
    fast::Learner learner(training, examples);
    size_t k = 0;
    train_epoch(training, 0, [&](std::span<const size_t> batch, Real rate) {
      if (k == golden["minibatches"].rows) return;
      Score score;
      fast::learn(learner, examples, batch, rate, run, score);
      expect_near("minibatches", k++, 0, is_float ? 1e-5 : 1e-9, score.mean_cross_entropy());
    });
    const Score of_validation = score_of(learner.network, validation);
    expect_near("validation", 0, 0, is_float ? 1e-5 : 1e-9, of_validation.mean_cross_entropy());
    expect_near("validation", 0, 1, 0.1, of_validation.accuracy());
  }

  // Trains for `epochs` of them, and holds each to its row. Returns the parameters of the kept epoch.
  const auto check_epochs = [&](const char* block, size_t epochs, double loss, double accuracy, double its_accuracy) {
    Training training = start_training(settings, alphabet.symbols(), data.languages.size(), examples.size());
    fast::Learner learner(training, examples);
    std::vector<EpochRecord> history;
    Parameters kept{};
    for (size_t epoch = 0; epoch < epochs; ++epoch) {
      Score score;
      train_epoch(training, epoch, [&](std::span<const size_t> batch, Real rate) {
        fast::learn(learner, examples, batch, rate, run, score);
      });
      const Score of_validation = score_of(learner.network, validation);
      expect_near(block, epoch, 0, loss, score.mean_cross_entropy());
      expect_near(block, epoch, 1, accuracy, score.accuracy());
      expect_near(block, epoch, 2, loss, of_validation.mean_cross_entropy());
      expect_near(block, epoch, 3, its_accuracy, of_validation.accuracy());
      history.push_back({0, 0, score, of_validation});
      if (kept_epoch(history) == history.size()) kept = learner.network.parameters.plain();
    }
    return kept;
  };
  const bool all = is_float;  // in double the epochs take twice the time
  const Settings defaults = settings;
  settings.batch_size = 2048;
  settings.epochs = golden["four_epochs"].rows;
  check_epochs("four_epochs", all ? 4 : 1, 1e-5, 0.02, 0.1);
  settings = defaults;
  expect(golden["ten_epochs"].rows == settings.epochs && golden["test"].columns == 3u);
  if (all) {
    const Parameters kept = check_epochs("ten_epochs", settings.epochs, 1e-3, 0.1, 0.4);
    Team team(1);
    const Evaluation test = evaluate(Classifier(kept, team, false), part(Part::test));
    expect_near("test", 0, 0, 1e-3, test.score.mean_cross_entropy());
    expect_near("test", 0, 1, 0.4, test.score.accuracy());
    expect_near("test", 0, 2, 1, 100 * test.confusion.macro_f1());
  }
  golden.expect_all_read();
}

char32_t code_point(const std::string& token) {
  return static_cast<char32_t>(std::stoul(token.substr(2), nullptr, 16));
}

std::u32string letters_of(Golden& golden, const std::string& block) {
  const std::vector<char32_t> letters = golden[block].all(code_point);
  return {letters.begin(), letters.end()};
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

// Answers are held to whole inputs with part 1 and with part 2.
void check_filter(bool plain) {
  const Model model = read_model(contents("tests/golden/model.txt"));
  Team team(1);
  const Classifier classify(model.parameters, team, plain);
  Golden golden("answers.txt");
  const std::vector<std::string> inputs = golden["inputs"].all(bytes);
  expect(inputs.size() >= 5u && golden["output0"].rows > 40u);
  for (size_t i = 0; i < inputs.size(); ++i) {
    Filter filter{model, classify, 1};
    filter.refused = 10;  // so that none is named on standard error
    std::istringstream input(inputs[i]);
    std::string line, expected;
    for (size_t number = 1; next_line(input, longest_line, line); ++number) filter.add(line, number);
    for (const std::string& answer : golden[numbered("output", i)].all(bytes)) expected += answer + '\n';
    std::istringstream theirs(expected), ours(filter.answers());
    for (std::string wanted, got; std::getline(theirs, wanted);) {
      expect(static_cast<bool>(std::getline(ours, got))) << i << "too few lines";
      expect(got == wanted) << plain << i << "got:" << got << "expected:" << wanted;
    }
    expect(!std::getline(ours, line)) << i << "too many lines";
    expect(i > 0 || filter.refused > 20u);
  }
  golden.expect_all_read();
}

// What training says of a folder, in the words of the page.
std::string folder_verdict(const std::string& folder, std::uint64_t split_seed) {
  try {
    new_model(load_data(folder), folder, {.split_seed = split_seed});
    return "accepted";
  } catch (const Failure& failure) {
    const auto says = [&](const char* words) { return failure.what.find(words) != failure.what.npos; };
    if (says(": no *.txt in it") || says(": one language alone")) return "few_languages";
    if (says(": the same language as ")) return "same_language";
    if (says(": a file's name is its language")) return "bad_language";
    if (says(" has no name to train on")) return "no_training_name";
    const char* const of_files[] = {": malformed UTF-8", ": a name of more than", " in a name", ": no name in it"};
    return std::ranges::any_of(of_files, says) ? "bad_file" : failure.what;
  }
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

  "a data set: languages, alphabet, and the examples of each part"_test = [] {
    Golden golden("data.txt");
    const Block& table = golden["files"];
    const std::uint64_t split_seed = golden.count("split_seed");
    std::map<std::string, std::string> files;
    for (size_t i = 0; i < table.rows; ++i) files[bytes(table(i, 0))] = bytes(table(i, 1));
    const Data data = data_of(files);
    const Alphabet alphabet = alphabet_of(data, split_seed);
    expect(data.languages.size() >= 5u && data.languages == golden["languages"].all(bytes));
    expect(alphabet.letters == letters_of(golden, "alphabet"));
    for (const auto& [its_name, part] : {std::pair{"training", Part::training},
                                         std::pair{"validation", Part::validation}, std::pair{"test", Part::test}}) {
      const Block& block = golden[its_name];
      const Examples examples = examples_of(data, part, split_seed, alphabet, data.languages);
      std::vector<std::string_view> names;
      for (const NameList& list : data.names)
        for (const Name& name : list.names)
          if (in_part(name, part, split_seed)) names.push_back(name.text);
      expect(block.rows > 0 && block.rows == examples.size() && block.rows == names.size()) << its_name;
      for (size_t i = 0; i < std::min(block.rows, examples.size()); ++i) {
        expect(examples[i].language == integer(block(i, 0)) && names[i] == bytes(block(i, 1))) << its_name << i;
        expect(examples[i].symbols == golden.symbols(numbered(its_name, i, ".symbols"))) << its_name << i;
      }
    }
    golden.expect_all_read();
  };

  "folders that training takes or refuses"_test = [] {
    Golden golden("folders.txt");
    const Block& verdicts = golden["verdicts"];
    const fs::path folder = fs::temp_directory_path() / format("golden_test.%08x", std::random_device()());
    for (size_t i = 0; i < verdicts.rows; ++i) {
      fs::create_directory(folder);
      const Block& files = golden[numbered("folder", i)];
      for (size_t k = 0; k < files.rows; ++k)
        std::ofstream(folder / bytes(files(k, 0)), std::ios::binary) << bytes(files(k, 1));
      const std::string found = folder_verdict(folder.string(), golden.count("split_seed"));
      fs::remove_all(folder);
      expect(found == verdicts(i, 0)) << i << found << verdicts(i, 0);
    }
    expect(verdicts.rows > 10u);
    golden.expect_all_read();
  };

  "the epoch that is kept, and the figures of a test"_test = [] {
    Golden golden("choose.txt");
    const std::vector<size_t> kept = golden.indices("kept");
    expect(kept.size() >= 5u);
    for (size_t run = 0; run < kept.size(); ++run) {
      const Block &training = golden[numbered("run", run, ".training")],
                  &validation = golden[numbered("run", run, ".validation")];
      const auto score = [](const Block& block, size_t epoch) {  // of one name
        Score its;
        if (block.rows > 0) its.sum = number(block(epoch, 0)), its.names = 1;
        return its;
      };
      std::vector<EpochRecord> history;
      for (size_t epoch = 0; epoch < training.rows; ++epoch)
        history.push_back({0, 0, score(training, epoch), score(validation, epoch)});
      expect(kept_epoch(history) == kept[run]) << run << kept_epoch(history);
    }

    const std::vector<size_t> truth = golden.indices("true"), answered = golden.indices("answered");
    Confusion confusion(golden.count("languages"));
    Score score;
    for (size_t i = 0; i < truth.size(); ++i) {
      ++confusion(truth[i], answered.at(i));
      Vector y(confusion.languages);
      y[answered[i]] = 1;
      score.add(y, y, truth[i]);
    }
    expect_close(golden, "accuracy", 1e-12, score.accuracy());
    expect_close(golden, "f1", 1e-12, 1, confusion.languages, [&](size_t, size_t k) { return 100 * confusion.f1(k); });
    expect_close(golden, "macro_f1", 1e-12, 100 * confusion.macro_f1());
    golden.expect_all_read();
  };

  for (const bool plain : {true, false}) "a whole input is answered line by line"_test = [=] { check_filter(plain); };

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

  for (const char* file : {"one_name", "batch", "last_step", "plain_sum", "tanh", "huge", "large"})
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
      "training ends without an update when the norm is not finite"_test = [=] {
        check_training("training/norm_not_finite.txt", 1e-12, plain);
      };
      "training ends after the update when the loss is not finite"_test = [=] {
        check_training("training/loss_not_finite.txt", 1e-12, plain);
      };
    }

  for (const bool plain : {true, false})
    for (const char* file : {"small.txt", "small2.txt"})
      "the whole program in small"_test = [=] { check_small(file, plain); };

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
