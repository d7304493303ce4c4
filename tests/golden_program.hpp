// The functions of rnn.cpp against the files of tests/golden/. program_test.cpp includes this after rnn.cpp.
#pragma once

#include "golden.hpp"

namespace golden {
namespace {

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

// A folder of files, by their names and bytes in a block. It goes when the test ends.
struct Folder {
  fs::path path = fs::temp_directory_path() / format("golden.%08x", std::random_device()());
  explicit Folder(const Block& files) {
    fs::create_directory(path);
    for (size_t i = 0; i < files.rows; ++i)
      std::ofstream(path / bytes(files(i, 0)), std::ios::binary) << bytes(files(i, 1));
  }
  ~Folder() { fs::remove_all(path); }
};

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

// The whole program in small: from the bytes of files to the figures of the test, and that test again of the model
// written and read, which has floats.
void check_small(const std::string& file, bool plain) {
  constexpr double tolerance = 1e-5;
  Golden golden(file);
  const Folder folder(golden["files"]);
  const Data data = load_data(folder.path.string());
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
  const auto check_test = [&](const char* block, const Data& its_data) {
    const Evaluation test =
        evaluate(Classifier(model.parameters, team, plain),
                 examples_of(its_data, Part::test, model.split_seed, model.alphabet, model.languages));
    const double ours[] = {test.score.mean_cross_entropy(), test.score.accuracy(), 100 * test.confusion.macro_f1()};
    expect_close(golden, block, tolerance, 1, 3, [&](size_t, size_t j) { return ours[j]; });
  };
  check_test("test", data);
  model = read_model(write_model(model));
  expect(model.epoch == integer(golden["kept"](0, 0)));
  check_test("test", data);
  const Folder other(golden["other.files"]);
  check_test("other.test", load_data(other.path.string()));
  const Folder lacking(golden["lacking.files"]);  // a folder that mode test refuses
  expect(!std::ranges::includes(model.languages, load_data(lacking.path.string()).languages)) << file;
  golden.expect_all_read();
}

void test_program() {
  using namespace boost::ut::literals;

  "a data set: languages, alphabet, and the examples of each part"_test = [] {
    Golden golden("data.txt");
    const std::uint64_t split_seed = golden.count("split_seed");
    const Folder folder(golden["files"]);
    const Data data = load_data(folder.path.string());
    const Alphabet alphabet = new_model(data, "", {.split_seed = split_seed}).alphabet;
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
    for (size_t i = 0; i < verdicts.rows; ++i) {
      const Folder folder(golden[numbered("folder", i)]);
      const std::string found = folder_verdict(folder.path.string(), golden.count("split_seed"));
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

  for (const bool plain : {true, false})
    for (const char* file : {"small.txt", "small2.txt"})
      "the whole program in small"_test = [=] { check_small(file, plain); };
  for (const bool plain : {true, false}) "a whole input is answered line by line"_test = [=] { check_filter(plain); };
}

}  // namespace
}  // namespace golden
