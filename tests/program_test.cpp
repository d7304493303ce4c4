// The functions of the program, against values worked out by hand. What only a built program can show is in
// cli_test.sh.
#define main rnn_main
#include "../rnn.cpp"
#undef main
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/ptrace.h>
#include <sys/wait.h>
#endif
#include <csignal>
#include <set>
#include "golden_program.hpp"

// Memory in larger pieces than this is refused. All of it is counted: before each piece stands its size.
size_t largest_piece = std::numeric_limits<size_t>::max();
std::atomic<size_t> memory_in_use = 0, most_in_use = 0;
[[gnu::noinline]] void* operator new(size_t size, std::align_val_t align) {
  const size_t before = static_cast<size_t>(align), whole = rnn::ceil_divide(size, before) * before + before;
  void* const memory = size > largest_piece ? nullptr : std::aligned_alloc(before, whole);
  if (memory == nullptr) throw std::bad_alloc();
  *static_cast<size_t*>(memory) = size;
  most_in_use = std::max<size_t>(most_in_use, memory_in_use += size);
  return static_cast<char*>(memory) + before;
}
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t align) noexcept {
  if (memory == nullptr) return;
  void* const start = static_cast<char*>(memory) - static_cast<size_t>(align);
  memory_in_use -= *static_cast<size_t*>(start);
  std::free(start);
}
constexpr std::align_val_t usual{__STDCPP_DEFAULT_NEW_ALIGNMENT__};
void operator delete(void* memory, size_t, std::align_val_t align) noexcept { operator delete(memory, align); }
[[gnu::noinline]] void* operator new(size_t size) { return operator new(size, usual); }
[[gnu::noinline]] void* operator new(size_t size, const std::nothrow_t&) noexcept try {
  return operator new(size, usual);
} catch (const std::bad_alloc&) {
  return nullptr;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { operator delete(memory, usual); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { operator delete(memory, usual); }

namespace {

using boost::ut::expect;
using namespace boost::ut::literals;

// A folder that goes when the test ends.
struct Scratch {
  fs::path path = fs::temp_directory_path() / format("program_test.%08x", std::random_device()());
  Scratch() { fs::create_directory(path); }
  ~Scratch() { fs::remove_all(path); }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
  std::string write(const std::string& name, const std::string& text) const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name, std::ios::binary) << text;
    return *this / name;
  }
};

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// "STATUS: what it says" if f fails.
std::string failure_of(auto f) {
  try {
    f();
    return "no failure";
  } catch (const Failure& failure) {
    return std::to_string(failure.status) + ": " + failure.what;
  }
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

// The string is the expected one, or both are printed.
void same(const std::string& got, const std::string& expected, const char* file = __builtin_FILE(),
          int line = __builtin_LINE()) {
  expect(got == expected) << file << line << "got:\n" << got << "\nexpected:\n" << expected;
}

Score score_of(double sum, size_t correct, size_t names) {
  Score score;
  score.sum = sum;
  score.correct = correct;
  score.names = names;
  return score;
}

// Reads its first letter: a is A and b is B, each with probability 1 / (1 + e^-4) but for what tanh(5) lacks of 1.
Model two_letters() {
  Model model{1, 1, "--options", {"A", "B"}, Alphabet(U"ab"), zero_parameters(3, 1, 2)};
  model.parameters.U.numbers = {5, -5, 0};
  model.parameters.W.numbers = {5};
  model.parameters.V.numbers = {2, -2};
  return model;
}

// Of true A: 3 right, 1 taken for B; of true B: 2 for A, none right; of C: no name, but one B taken for it.
Confusion small_confusion() {
  Confusion confusion(3);
  confusion(0, 0) = 3;
  confusion(0, 1) = 1;
  confusion(1, 0) = 2;
  confusion(1, 2) = 1;
  return confusion;
}

const std::string help_file = "tests/program/help.txt", picture_file = "tests/program/report.svg";

// Two epochs, the first kept; three languages, one with a character that XML does not take as it is.
std::string small_picture() {
  const std::vector<EpochRecord> history = {{0.1, 1, score_of(20, 5, 10), score_of(4, 2, 4)},
                                            {0.05, 1, score_of(5, 7, 10), score_of(6, 1, 4)}};
  Model model = two_letters();
  model.languages = {"A", "B&<", "Cccc"};
  return draw_picture(history, {score_of(7, 3, 7), small_confusion()}, model);
}

// The numbers after each `name="` of the SVG elements that contain `mark`.
std::vector<double> numbers_of(const std::string& svg, const std::string& mark, const std::string& name) {
  std::vector<double> numbers;
  std::istringstream lines(svg);
  for (std::string line; std::getline(lines, line);)
    if (has(line, mark)) numbers.push_back(std::atof(line.c_str() + line.find(" " + name + "=\"") + name.size() + 3));
  return numbers;
}

using Doubles = std::vector<double>;

// Where the frame of the confusion matrix ends.
double end_of_matrix(const std::string& svg, const std::string& start, const std::string& length) {
  return numbers_of(svg, "stroke=\"#999\"", start)[0] + numbers_of(svg, "stroke=\"#999\"", length)[0];
}

std::string text_of(std::FILE* file) {
  std::string text(static_cast<size_t>(std::ftell(file)), ' ');
  std::rewind(file);
  expect(std::fread(text.data(), 1, text.size(), file) == text.size());
  std::fclose(file);
  return text;
}

// Runs the program as the words say. Its status, and what it prints.
struct Run {
  int status;
  std::string out, err;
};
Run run(Strings words) {
  words.insert(words.begin(), "./rnn");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  std::fflush(stdout);
  const int streams[] = {STDOUT_FILENO, STDERR_FILENO}, before[] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
  std::FILE* const files[] = {std::tmpfile(), std::tmpfile()};
  for (const size_t k : {0, 1}) dup2(fileno(files[k]), streams[k]);
  const int status = rnn_main(static_cast<int>(arguments.size()), arguments.data());
  for (const size_t k : {0, 1}) {
    dup2(before[k], streams[k]);
    close(before[k]);
    std::fseek(files[k], 0, SEEK_END);
  }
  return {status, text_of(files[0]), text_of(files[1])};
}

// A folder of three languages, which are told apart by the first or last letter, and the small training in it.
struct Small : Scratch {
  std::string names = *this / "names", models = *this / "models";
  Small() {
    for (const std::string name :
         {"Ann", "Ben", "Cid", "Dan", "Eva", "Fay", "Gus", "Hal", "Ida", "Joe", "Kim", "Lee"}) {
      write("names/A.txt", read(names + "/A.txt") + name + '\n');
      write("names/B.txt", read(names + "/B.txt") + 'X' + name + '\n');
      write("names/C.txt", read(names + "/C.txt") + name + "z\n");
    }
  }
  Run train(const std::string& options) const {
    Strings words = words_of("--hidden_dim 8 --epochs 3 " + options);
    words.insert(words.end(), {names, "--model_dir", models});
    return run(words);
  }
  std::string files() const {
    std::string list;
    for (const fs::path& file : entries_of(models, "")) list += file.filename().string() + ' ';
    return list;
  }
};

}  // namespace

int main() {
  "text is formatted, counted and made visible"_test = [] {
    same(format("%zu-%s", size_t{7}, std::string(300, 'x').c_str()), "7-" + std::string(300, 'x'));
    same(counted(0, "name") + counted(1, "name") + counted(2, "name"), "0 names1 name2 names");
    same(decimal(0.1) + ' ' + decimal(size_t{14}) + ' ' + decimal(1e-9) + ' ' + decimal(14.0), "0.1 14 1e-09 14");
    same(decimal(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
    same(visible("a\nb\x1b\x7f é~ "), "a?b?? é~ ");
    same(visible("\x1f\u0080\u009f\u00a0\ufffd\ufffe\uffff\U00010000"), "???\u00a0\ufffd??\U00010000");
    same(visible("a\xc2\xc3\xa9\n"), "a????");
    expect(letters_in("aé名\U0001f600") == 4 && letters_in("") == 0);
    same(percent(0.12345) + percent(1) + percent(std::nan("")), "12.3%100.0%–");
    expect(ratio(1, 4) == 0.25);
    same(shade(0) + shade(0.19) + shade(0.2) + shade(0.59) + shade(0.6) + shade(0.8) + shade(1), "  ░▒▓██");
    same(bar(0.5, 4) + '|' + bar(0.12, 4) + '|' + bar(0.13, 4), "██||█");
  };

  "columns are filled, or cut with a mark"_test = [] {
    same(fit("añ", 4) + '|' + fit("añ", 4, true) + '|' + fit("añ", 2), "añ  |  añ|añ");
    same(fit("a\x1bñ", 4), "a?ñ ");
    same(fit("añbc", 3) + '|' + fit("ñññ", 2) + '|' + fit("ab", 1), "añ…|ñ…|…");
    expect(column_width({"A"}, 40) == 8 && column_width({"Ññññññññññ", "A"}, 40) == 10);
    expect(column_width({"Ññññññññññ"}, 9) == 9);
  };

  "lines are taken one by one, and of a long one no more than a byte too many"_test = [] {
    std::istringstream input("ab\n\n\nabcd\nabcde\nx\r\nabcdefgh\nlast"), full("abcd"), over("abcdefgh"), ended("a\n");
    const auto lines_of = [](std::istream& from) {
      Strings lines;
      for (std::string line; next_line(from, 4, line);) lines.push_back(line);
      return lines;
    };
    expect(lines_of(input) == Strings{"ab", "", "", "abcd", "abcde", "x\r", "abcde", "last"});
    expect(lines_of(full) == Strings{"abcd"} && lines_of(over) == Strings{"abcde"} && lines_of(ended) == Strings{"a"});
    struct Broken : std::streambuf {  // a letter, and then what a disk that fails gives
      bool first = true;
      int_type underflow() override {
        static char letter = 'a';
        if (!std::exchange(first, false)) throw std::runtime_error("");
        setg(&letter, &letter, &letter + 1);
        return letter;
      }
    } broken;
    std::istream from(&broken);
    std::string line;
    expect(!next_line(from, 4, line) && from.bad()) << "half a line";
    struct Quiet : std::streambuf {  // the end of the input, and what errno says then
      int error = 0;
      int_type underflow() override {
        errno = error;
        return traits_type::eof();
      }
    } quiet;
    for (const int error : {0, ENOTTY, EISDIR, EIO}) {
      quiet.error = error;
      errno = EPERM;
      std::istream silent(&quiet);
      expect(!next_line(silent, 4, line) && silent.bad() == (error == EISDIR || error == EIO)) << error;
    }
    errno = EPERM;
    std::istringstream stale("a");
    expect(next_line(stale, 4, line) && stale.eof()) << "an older error";
  };

  "files are read whole, and replaced whole"_test = [] {
    const Scratch folder;
    const auto text_of = [](const std::string& path, size_t most) {
      return parse_file(path, most, [](const std::string& read) { return read; });
    };
    same(text_of(folder.write("a", "1\n22\n\n3"), 2), "1\n22\n\n3");
    same(text_of(folder.write("a", "1\n22\n"), 2), "1\n22\n");
    same(failure_of([&] { text_of(folder / "a", 1); }), "1: " + folder / "a" + ":2: a line of more than 1 bytes");
    same(failure_of([&] { text_of(folder / "b", 1); }), "1: " + folder / "b" + ": No such file or directory");
    same(failure_of([&] { text_of(folder.path.string(), 1); }), "1: " + folder.path.string() + ": Is a directory");
    write_file(folder / "a", "new");
    same(read(folder / "a"), "new");
    expect(std::distance(fs::directory_iterator(folder.path), {}) == 1) << "a temporary file stays";
    fs::create_directory(folder / "d");
    folder.write("d/x", "");
    expect(has(failure_of([&] { write_file(folder / "d", "x"); }), "1: " + folder / "d" + ": "));
    expect(std::distance(fs::directory_iterator(folder.path), {}) == 2) << "a failure leaves a temporary file";
    expect(has(failure_of([&] { write_file(folder / "none/x", "x"); }), "No such file or directory"));
    rlimit room;
    getrlimit(RLIMIT_FSIZE, &room);
    const auto before = std::signal(SIGXFSZ, SIG_IGN);
    for (const rlim_t bytes : {rlim_t{0}, room.rlim_cur}) {  // as if the disk were full, and as it is
      const rlimit limit{bytes, room.rlim_max};
      setrlimit(RLIMIT_FSIZE, &limit);
      if (bytes == 0)
        same(failure_of([&] { write_file(folder / "a", "x"); }), "1: " + folder / "a" + ": File too large");
    }
    std::signal(SIGXFSZ, before);
    same(read(folder / "a"), "new");
    expect(std::distance(fs::directory_iterator(folder.path), {}) == 2) << "a full disk leaves a temporary file";
    errno = EPERM;
    expect(last_error() == std::errc::operation_not_permitted);
    errno = 0;
    expect(last_error() == std::errc::io_error) << "nothing is known of it";
    same(message_of("file", TextError("wrong", 1)) + message_of("file", TextError("wrong", 0)),
         "file:1: wrongfile: wrong");
  };

  "words are listed, at most so many"_test = [] {
    same(listed({"A", "B"}, 2) + '|' + listed({"A", "B", "C", "D"}, 2) + '|' + listed({}, 2), "A, B|A, B and 2 more|");
  };

  "a folder of names: its languages in byte order"_test = [] {
    const Scratch folder;
    folder.write("b.txt", "Xa\nxA\nY\n");
    folder.write("South Korea.txt", "Kim");
    folder.write("notes.md", "\377");
    const Data data = load_data(folder.path.string());
    expect(data.languages == Strings{"South_Korea", "b"});
    expect(data.names[1].names.size() == 2 && data.names[1].repeats == 1 && data.names[1].names[0].text == "Xa");
    folder.write("South_Korea.txt", "Lee");
    expect(has(failure_of([&] { load_data(folder.path.string()); }), ".txt: the same language as "));
    fs::remove(folder / "South_Korea.txt");
    folder.write("b.txt", "Ok\n\377\n");
    same(failure_of([&] { load_data(folder.path.string()); }),
         "1: " + folder / "b.txt" + ":2: malformed UTF-8: save the text as UTF-8");
  };

  "a folder of names: what else is in it"_test = [] {
    const Scratch folder;
    const auto refused = [&] { return failure_of([&] { load_data(folder.path.string()); }); };
    const std::string path = folder.path.string(), needs = "it needs a file such as Polish.txt for each language";
    same(refused(), "1: " + path + ": no *.txt in it, nor anything else; " + needs);
    for (const char* name : {".hidden.txt", "a.csv", "b", "c", "txt"}) folder.write(name, "");
    fs::create_symlink("nowhere", folder / ".#x.txt");
    same(refused(), "1: " + path + ": no *.txt in it, but a.csv, b, c and 1 more; " + needs);
    folder.write("Latin.TXT", "");
    same(refused(),
         "1: " + path + ": no *.txt in it, but Latin.TXT: rename it Latin.txt, a.csv, b and 2 more; " + needs);
    folder.write("b.txt", "Xa");
    folder.write("._b.txt", "Xb");
    expect(load_data(path).languages == Strings{"b"}) << "what begins with a dot is passed over";
    same(failure_of([&] { load_data(path + "/none"); }),
         "1: " + path + "/none: No such file or directory; name a folder of names, or a name with --mode predict");
  };

  "a model that is not there: which folder was looked in"_test = [] {
    const Scratch folder;
    same(failure_of([&] { load_model(folder / "rnn.txt"); }), "1: " + folder / "rnn.txt" + ": no such file in " +
                                                                  folder.path.string() +
                                                                  "; train first, or name a model with --model_path");
    fs::create_symlink("loop", folder / "loop");
    const std::string circle = std::make_error_code(std::errc::too_many_symbolic_link_levels).message();
    expect(has(failure_of([&] { load_model(folder / "loop"); }), "loop: " + circle));
    same(write_model(load_model(folder.write("m", write_model(two_letters())))), write_model(two_letters()));
    expect(has(failure_of([&] { load_model(folder.write("m", "rnn-model 2\nx\n")); }), "m:2: expected `epoch NUMBER`"));
    expect(has(failure_of([&] { load_model(folder.write("m", std::string(33554433, 'x'))); }), "m:1: a line of more"));
    expect(has(failure_of([&] { load_model(folder.write("m", std::string(33554432, 'x'))); }), "m:1: the text is cut"));
  };

  "a team does each task once, whatever its size"_test = [] {
    for (const size_t threads : {1, 2, 3, 5}) {
      Team team(threads);
      for (size_t count = 0; count < 200; ++count) {
        std::vector<std::atomic<int>> done(count);
        team(count, [&](size_t i) { ++done[i]; });
        expect(std::ranges::all_of(done, [](const auto& times) { return times == 1; })) << threads << count;
      }
    }
  };

  "a team shares tasks out by number"_test = [] {
    Team team(3);
    std::vector<std::thread::id> who(9);
    team(9, [&](size_t i) { who[i] = std::this_thread::get_id(); });
    expect(who[0] == std::this_thread::get_id());
    for (size_t i = 0; i < 9; ++i) expect(who[i] == who[i % 3]);
    expect(who[0] != who[1] && who[1] != who[2] && who[0] != who[2]);
  };

  "a team that has slept wakes, or ends, and waits for slow tasks"_test = [] {
    Team team(2);
    std::atomic<int> done = 0;
    for (int round = 0; round < 3; ++round) {
      std::this_thread::sleep_for(std::chrono::milliseconds(60));
      team(2, [&](size_t i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(60 * i));
        ++done;
      });
      expect(done == 2 * (round + 1));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
  };

  "a task that throws throws in the caller, and the team goes on"_test = [] {
    Team team(2);
    for (const size_t thrower : {0, 1}) {
      expect(has(failure_of([&] {
                   team(2, [&](size_t i) {
                     if (i == thrower) throw Failure{"thrown"};
                   });
                 }),
                 "thrown"));
      std::atomic<int> done = 0;
      team(4, [&](size_t) { ++done; });
      expect(done == 4);
    }
    same(failure_of([&] { team(2, [](size_t) { throw Failure{"both"}; }); }), "1: both");
  };

  for (const bool plain : {false, true})
    "an evaluation: each name's answer and loss"_test = [=] {
      Team team(2);
      const Model model = two_letters();
      Examples examples;
      for (size_t i = 0; i < 40; ++i) examples.push_back({model.alphabet.encode(i % 2 == 0 ? U"a" : U"b"), 0});
      examples.push_back({model.alphabet.encode(U"bb"), 1});
      const auto [score, confusion, answers, probabilities] =
          evaluate(Classifier(model.parameters, team, plain), examples);
      expect(answers.size() == 41 && answers[0] == 0 && answers[1] == 1 && answers[40] == 1);
      for (const Real y : probabilities) expect(std::abs(y - 0.982007) < 1e-6) << y;
      expect(score.names == 41 && score.correct == 21);
      expect(confusion(0, 0) == 20 && confusion(0, 1) == 20 && confusion(1, 1) == 1 && confusion(1, 0) == 0);
      const double z = 4 * std::tanh(5),
                   right = std::log1p(std::exp(-z));  // the loss of a right answer; a wrong one: + z
      expect(std::abs(score.sum - (41 * right + 20 * z)) < 1e-3) << score.sum;
    };

  "the test line says of how many names, and of which part"_test = [] {
    const Evaluation test{score_of(7, 3, 7), small_confusion()};
    // F1 of A: 6 / (4 + 5); of B: 0; C has no name. Macro F1: the mean of the first two.
    same(test_line(test, "test"), "Test — Loss: 1.00 — Accuracy: 42.9% — Macro F1: 33.3% — 7 names");
    same(test_line(test, "all"), "Test — Loss: 1.00 — Accuracy: 42.9% — Macro F1: 33.3% — 7 names (all)");
    Confusion one(2);
    one(0, 0) = 1;
    same(test_line({score_of(0.5, 1, 1), one}, "test"),
         "Test — Loss: 0.50 — Accuracy: 100.0% — Macro F1: 100.0% — 1 name");
    same(test_line({{}, Confusion(2)}, "training"), "Test — no name of the folder is in the training part");
    same(test_lines(test, "all", {"A", "B", "\n"}),
         test_line(test, "all") + "\nMacro F1 leaves out languages without a name to test: ?\n");
    same(test_lines({score_of(0.5, 1, 1), one}, "test", {"A", "B"}),
         test_line({score_of(0.5, 1, 1), one}, "test") + "\nMacro F1 leaves out languages without a name to test: B\n");
    one(1, 0) = 1;
    same(left_out(one, {"A", "B"}) + left_out(Confusion(2), {"A", "B"}), "");
  };

  "the table of languages"_test = [] {
    same(languages_table(small_confusion(), {"A", "Bé", "C"}),
         "    Language  Precision  Recall      F1  Support\n"
         "  1 A             60.0%   75.0%   66.7%        4\n"
         "  2 Bé             0.0%    0.0%    0.0%        3\n"
         "  3 C              0.0%       –       –        0\n");
    same(languages_table(Confusion(1), {std::string(50, 'x')}),
         "    Language                                  Precision  Recall      F1  Support\n"
         "  1 " +
             std::string(39, 'x') + "…          –       –       –        0\n");
  };

  "the confusion matrix"_test = [] {
    same(confusion_table(small_confusion(), {"A", "Bé", "C"}),
         "Confusion: rows are the true languages, columns the predicted ones, cells per cent of the row, · below "
         "0.5.\n             1  2  3\n 1 A       ▓75░25   \n 2 Bé      ▓67   ░33\n 3 C                \n");
    Confusion rounded(2);
    rounded(0, 0) = 999;
    rounded(0, 1) = 1;
    rounded(1, 1) = 1;
    expect(has(confusion_table(rounded, {"A", "B"}), "1 A       100  ·\n 2 B          100\n")) << "none is blank";
    for (const auto& [share, its_shade] : {std::pair(1, "1 A       ░20█80"), std::pair(2, "1 A       ▒40▓60")}) {
      Confusion border(2);  // at 20, 40, 60 and 80 per cent the next shade begins
      border(0, 0) = static_cast<size_t>(share);
      border(0, 1) = static_cast<size_t>(5 - share);
      expect(has(confusion_table(border, {"A", "B"}), its_shade));
    }
    const Strings long_names(35, std::string(40, 'x'));
    expect(has(confusion_table(Confusion(35), long_names), "\n 1 xxxxxxxxxxx…   ")) << "12 letters beside 35 columns";
    expect(has(confusion_table(Confusion(31), {long_names.begin(), long_names.begin() + 31}),
               "\n31 " + std::string(23, 'x') + "…   "));
    expect(
        has(confusion_table(Confusion(36), Strings(36, "x")), "too wide to print. report.svg of the training run has"));
  };

  "a list of names and their answers"_test = [] {
    const Data data{{"A", "B"}, {read_names("Ann\nBen\n"), read_names("Xyz")}};
    Model model = two_letters();
    model.languages = {"A", "AB", "B"};
    const Evaluation all{{}, Confusion(3), {0, 2, 2}, {Real(0.5), Real(0.25), 1}};
    same(list_lines(data, Part::all, model, all, false),
         "Ann\tA\tA\t0.500000\nBen\tA\tB\t0.250000\nXyz\tB\tB\t1.000000\n");
    same(list_lines(data, Part::all, model, all, true), "Ben\tA\tB\t0.250000\n");
    std::string expected;
    const Evaluation one{{}, Confusion(3), {1, 1, 1}, {1, 1, 1}};
    for (const std::string name : {"Ann", "Ben", "Xyz"})
      if (in_part(read_names(name).names[0], Part::training, 1))
        expected += name + (name == "Xyz" ? "\tB" : "\tA") + "\tAB\t1.000000\n";
    expect(!expected.empty() && std::ranges::count(expected, '\n') < 3) << "a part";
    same(list_lines(data, Part::training, model, one, true), expected);
  };

  "the worst confusions, worst first"_test = [] {
    expect(worst_confusions(small_confusion(), {"A", "B", "C"}, 10) == Strings{"B taken for A: 67% (2 of 3 names)",
                                                                               "B taken for C: 33% (1 of 3 names)",
                                                                               "A taken for B: 25% (1 of 4 names)"});
    expect(worst_confusions(small_confusion(), {"A", "B", "C"}, 1) == Strings{"B taken for A: 67% (2 of 3 names)"});
    Confusion one(2);
    one(0, 1) = 1;
    expect(worst_confusions(one, {"\x1b", "B"}, 10) == Strings{"? taken for B: 100% (1 of 1 name)"});
    same(worst_lines(Confusion(2), {"A", "B"}), "Worst confusions:\n  none\n");
    same(worst_lines(one, {"A", "B"}), "Worst confusions:\n  A taken for B: 100% (1 of 1 name)\n");
  };

  "an epoch is judged by validation, or by training without it"_test = [] {
    expect(EpochRecord{0, 0, score_of(8, 0, 2), score_of(3, 0, 3)}.selection() == 1);
    expect(EpochRecord{0, 0, score_of(8, 0, 2), score_of(3, 0, 1)}.selection() == 3);
    expect(EpochRecord{0, 0, score_of(8, 0, 2), {}}.selection() == 4);
  };

  "ticks are round"_test = [] {
    expect(tick_step(2.8, 7) == 0.5 && tick_step(3.5, 7) == 0.5 && tick_step(3.6, 7) == 1 && tick_step(0.1, 7) == 0.02);
    expect(tick_step(100, 10) == 10 && tick_step(101, 10) == 20 && tick_step(1000, 10) == 100);
    expect(tick_step(40, 7) == 10 && tick_step(8, 10) == 1) << tick_step(8, 10);
  };

  "a cell of less than half a per cent holds a dot, one of more than 45 white figures"_test = [] {
    Confusion confusion(3);
    confusion(0, 0) = 300, confusion(0, 1) = 1, confusion(1, 0) = 45, confusion(1, 1) = 54, confusion(1, 2) = 1;
    confusion(2, 0) = 46, confusion(2, 1) = 54;
    Svg svg;
    draw_confusion(svg, confusion, {"A", "B", "C"}, 0, 0, 18);
    for (const char* cell : {"middle\">·<", "middle\">1<", "middle\">45<", "fill=\"#fff\">46<", "fill=\"#fff\">100<"})
      expect(has(svg.body, cell)) << cell << svg.body;
  };

  "the picture: its points, its cells, its labels"_test = [] {
    const std::string svg = small_picture();
    // Losses 2 and 0.5, 1 and 1.5; ticks of 0.5 up to 2. The plot is 420 wide from 60 on, 300 high from 85 on.
    expect(
        has(svg, "<polyline points=\"165.0,85.0 375.0,310.0 \" fill=\"none\" stroke-width=\"2\" stroke=\"#1f6fb4\""));
    expect(
        has(svg, "<polyline points=\"165.0,235.0 375.0,160.0 \" fill=\"none\" stroke-width=\"2\" stroke=\"#d9622b\""));
    expect(numbers_of(svg, ">kept<", "x") == Doubles{165}) << "model.epoch is 1";
    expect(numbers_of(svg, ">2</text>", "x") == Doubles{52, 375}) << "a loss, and an epoch";
    expect(numbers_of(svg, ">1.5</text>", "y") == Doubles{164}) << "160 and 4 to the middle of the letters";
    expect(numbers_of(svg, "fill-opacity", "x") == Doubles{594, 612, 594, 630}) << "three right of 8 letters' room";
    expect(numbers_of(svg, "fill-opacity", "y") == Doubles{149, 149, 167, 167});
    expect(has(svg, "fill-opacity=\"0.76\"") && has(svg, "fill=\"#fff\">75</text>"))
        << "6 + 94 * 75 / 100, in whole hundredths, white on it";
    expect(has(svg, "middle\">25</text>")) << "black on light";
    expect(has(svg, ">B&amp;&lt;</text>") && !has(svg, "B&<"));
    expect(has(svg, ">B&amp;&lt; taken for A: 67% (2 of 3 names)<"));
    expect(has(svg, ">Test — Loss: 1.00 — Accuracy: 42.9% — Macro F1: 33.3% — 7 names</text>"));
    expect(has(svg, ">--options</text>"));
    same(svg, read(picture_file));
  };

  "the picture is as large as what it holds"_test = [] {
    Model model = two_letters();
    const std::vector<EpochRecord> long_history(31, {0.1, 1, score_of(0, 0, 1), {}});
    const auto size_of = [&](size_t languages, const std::string& options) {
      model.languages = Strings(languages, "x");
      model.options = options;
      const std::string svg = draw_picture(long_history, {{}, Confusion(languages)}, model);
      expect(has(svg, "no confusions") && has(svg, ">Test — no name of the folder is in the test part<"));
      expect(!has(svg, "rx=")) << "31 epochs have no dots";
      expect(!has(svg, ">validation<")) << "no validation names, no curve";
      expect(has(svg, ">0.1</text>") && has(svg, ">30</text>") && !has(svg, ">31</text>"));
      const Doubles size = {numbers_of(svg, "<svg", "width")[0], numbers_of(svg, "<svg", "height")[0]};
      if (languages == 60) expect(size[0] - end_of_matrix(svg, "x", "width") == 30) << "a margin";
      if (languages == 60) expect(size[1] - end_of_matrix(svg, "y", "height") == 66) << "a line, and a margin";
      return size;
    };
    expect(size_of(2, "x") == Doubles{940, 556} && size_of(60, "x")[0] > 60 * 18);
    expect(size_of(2, std::string(200, 'x')) == Doubles{20 + 1000 + 30, 556});
  };

  "more languages leave room for more of the worst confusions"_test = [] {
    const auto listed = [](size_t languages) {
      Confusion confusion(languages);
      for (size_t i = 0; i < languages; ++i)
        for (size_t k = 0; k < languages; ++k) confusion(i, k) = 1;
      Model model = two_letters();
      model.languages = Strings(languages, "x");
      const std::string svg = draw_picture({{0.1, 1, score_of(1, 0, 1), {}}}, {score_of(1, 0, 1), confusion}, model);
      const Doubles lines = numbers_of(svg, " taken for ", "y");
      const double room = end_of_matrix(svg, "y", "height") - lines.back();
      expect(languages < 60 || (room >= 0 && room < 18)) << "as many as stand beside the matrix" << room;
      return lines.size();
    };
    expect(listed(4) == 10 && listed(60) > 10);
  };

  "the options that a model remembers"_test = [] {
    const Settings s{3, 4, 5, 1e-9, false, 0.1, 2.5, 1, 18446744073709551615u, 6};
    const std::string line = options_line(s);
    same(line,
         "--hidden_dim 3 --epochs 4 --batch_size 5 --learning_rate 1e-09 --clip_norm 2.5 --momentum 0.1 "
         "--prefix_weight 1 --decay none --seed 18446744073709551615 --split_seed 6");
    same(options_line(parse_command_line(words_of(line)).settings), line);
  };

  "the help says each option and mode, in 80 columns"_test = [] {
    const std::string text = help();
    std::istringstream lines(text);
    size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) expect(line.size() <= 80) << line;
    expect(count <= 50);
    Options options;
    for (const auto& [name, modes, meaning, value] : option_table(options))
      expect(has(text, "  " + name + " ") && has(text, value.range) && has(text, value.initial)) << name;
    same(text, read(help_file));
  };

  "what the table allows"_test = [] {
    const auto allowed = [](const char* name, const std::string& value) {
      Options options;
      const std::vector<Option> table = option_table(options);
      return std::ranges::find(table, std::string("--") + name, &Option::name)->value.set(value);
    };
    for (const char* name : {"hidden_dim", "epochs", "batch_size", "threads", "top"})
      expect(allowed(name, "1") && !allowed(name, "0") && !allowed(name, "-1") && !allowed(name, "1.5")) << name;
    expect(allowed("hidden_dim", "4096") && !allowed("hidden_dim", "4097"));
    expect(allowed("epochs", "1000000") && !allowed("epochs", "1000001") && !allowed("epochs", "4294967297") &&
           !allowed("batch_size", "1000001"));
    expect(allowed("threads", "1024") && !allowed("threads", "1025") && !allowed("top", "1000001"));
    expect(!allowed("epochs", "") && !allowed("epochs", "1x") && !allowed("epochs", " 1") && !allowed("epochs", "x"));
    for (const char* name : {"seed", "split_seed"})
      expect(allowed(name, "0") && allowed(name, "18446744073709551615") && !allowed(name, "18446744073709551616"));
    for (const char* name : {"learning_rate", "clip_norm"}) {
      expect(allowed(name, "1e-45") || allowed(name, "2e-45")) << name;
      expect(allowed(name, "3e38") && allowed(name, "0.5") && allowed(name, "+7E-1")) << name;
      for (const char* wrong : {"0", "-1", "1e-60", "1e39", "4e38", "nan", "inf", "0x1", "1e", "1 ", "", ".", "1,5"})
        expect(!allowed(name, wrong)) << name << wrong;
    }
    expect(allowed("momentum", "0") && allowed("momentum", "0.9999") && !allowed("momentum", "1"));
    expect(!allowed("momentum", "0.99999999999") && !allowed("momentum", "-0.1")) << "1 in single precision";
    expect(allowed("prefix_weight", "0") && allowed("prefix_weight", "1") && !allowed("prefix_weight", "1.00000001"));
    expect(allowed("decay", "none") && !allowed("decay", "linear none") && !allowed("decay", "lin"));
    for (const char* part : {"training", "validation", "test", "all"}) expect(allowed("part", part));
    expect(!allowed("part", "most") && !allowed("mode", "predikt"));
    expect(allowed("model_dir", "x y") && !allowed("model_dir", ""));
  };

  "the command line, without and with options"_test = [] {
    const Options none = parse_command_line({});
    same(none.mode + ' ' + none.data_dir + ' ' + none.model_path + ' ' + none.model_dir + ' ' + none.part,
         "train data/ models/rnn.txt models test");
    expect(none.threads == std::max(1u, std::thread::hardware_concurrency()) && none.names.empty());
    expect(!none.plain && none.list == "none");
    same(options_line(none.settings), options_line({}));
    const Options some =
        parse_command_line({"--epochs=3", "--threads", "7", "here", "--decay", "none", "--epochs", "4"});
    expect(some.settings.epochs == 4 && some.threads == 7 && some.data_dir == "here" && !some.settings.linear_decay);
    same(parse_command_line({"--data_dir", "here"}).data_dir, "here");
    same(parse_command_line({"--mode", "test", "--part=all"}).part, "all");
    const Options plain =
        parse_command_line({"--plain", "here", "--learning-rate=0.5", "--batch-size", "3", "--plain"});
    expect(plain.plain && plain.data_dir == "here" && plain.settings.learning_rate == 0.5);
    expect(plain.settings.batch_size == 3 && parse_command_line({"--", "here"}).data_dir == "here");
    same(parse_command_line({"--model_dir", "a=b"}).model_dir + parse_command_line({"--model_dir=a=b"}).model_dir,
         "a=ba=b");
  };

  "names, and how many languages of each are shown"_test = [] {
    const Options names = parse_command_line({"--mode", "predict", "Ann", "--", "--mode", "-h", "rnn.cpp", "-"});
    expect(names.names == Strings{"Ann", "--mode", "-h", "rnn.cpp", "-"} && !names.top);
    expect(parse_command_line({"--mode=predict", "--top", "3"}).top == 3u);
    expect(parse_command_line({"--mode", "trace", "Ann"}).names == Strings{"Ann"});
  };

  "a wrong command line"_test = [] {
    const auto refused = [](const Strings& words) { return failure_of([&] { parse_command_line(words); }); };
    same(refused({"--mode", "explore", "--lr", "1"}),
         "2: mode explore has no option --lr; it takes --mode --plain --threads --data_dir --seed --split_seed");
    same(refused({"--lr", "3"}),
         "2: mode train has no option --lr; it takes --mode --plain --threads --data_dir --model_dir --hidden_dim "
         "--epochs --batch_size --learning_rate --clip_norm --momentum --prefix_weight --decay --seed --split_seed");
    same(refused({"--epochs", "3", "--mode", "test"}),
         "2: mode test has no option --epochs; it takes --mode --plain --threads --data_dir --model_path --part --list "
         "--seed");
    expect(has(refused({"-epochs", "3"}), "no option -epochs; ") && has(refused({"-x"}), "no option -x; "));
    expect(has(refused({"--lr", "--mode=predict"}), "mode predict has no option --lr; "));
    same(refused({"--epochs"}), "2: --epochs : should be a whole number, 1 to 1000000");
    same(refused({"--momentum", "1"}), "2: --momentum 1: should be a number, rounded to float, 0 to below 1");
    same(refused({"--model_dir="}), "2: --model_dir : should be a folder");
    same(refused({"--mode", "fly"}), "2: --mode fly: should be one of: train test predict trace explore");
    same(refused({"predict", "Rodrigo"}), "2: one folder, please; write --mode predict");
    same(refused({"--mode", "test", "help"}), "2: one folder, please; write --help");
    same(refused({"data", "help"}), "2: one folder, please; write --help");
    same(refused({"data", "tests"}), "2: one folder, please: data or tests; for names, --mode predict");
    expect(has(refused({"--mode", "predict", "-Smith"}), " --seed; a name that begins with - stands after --"));
    expect(!has(refused({"--mode", "test", "-Smith"}), "a name"));
    same(refused({"--plain=yes"}), "2: --plain yes: should be alone, without a value");
    same(refused({"--data_dir", "data/", "here"}), "2: one folder, please: data/ or here; for names, --mode predict");
  };

  "a path in the place of a name"_test = [] {
    const Scratch folder;
    mkfifo((folder / "pipe").c_str(), 0600);
    for (const std::string& path : {folder.write("file", ""), folder.path.string(), folder / "pipe", std::string("-")})
      for (const char* mode : {"predict", "trace"})
        same(failure_of([&] {
               parse_command_line({"--mode", mode, "Ann", path});
             }),
             "2: " + path + ": a path, and no name; names are read from standard input: --mode predict <FILE");
  };

  "a bar grows from the second second on"_test = [] {
    const auto drawn = [](std::chrono::seconds ago, std::initializer_list<size_t> steps) {
      std::FILE* file = std::tmpfile();
      {
        ProgressBar bar{std::chrono::steady_clock::now() - ago, file};
        for (const size_t done : steps) bar(done, 100);
      }
      return text_of(file);
    };
    same(drawn(std::chrono::seconds(1), {10, 100}), "");
    same(drawn(std::chrono::seconds(2), {1, 4, 5}), "██\n");
    same(drawn(std::chrono::seconds(2), {2}), "█\n");
    std::string full;
    for (int k = 0; k < 50; ++k) full += "█";
    same(drawn(std::chrono::seconds(2), {50, 100}), full + '\n');
  };

  "the lines of an epoch"_test = [] {
    const EpochRecord epoch{0.0035, 0.0625, score_of(5, 3, 4), score_of(9, 1, 8)};
    same(history_line(2, epoch), "2,0.0035,1.250000,75.0000,1.125000,12.5000,0.062500\n");
    same(history_line(2, {0.1, 1, score_of(5, 3, 4), {}}), "2,0.1,1.250000,75.0000,,,1.000000\n");
    same(history_line(1, {0.1, 1, score_of(1, 1, 1), score_of(2, 0, 1)}),
         "1,0.1,1.000000,100.0000,2.000000,0.0000,1.000000\n");
    same(epoch_line(2, 10, epoch), "Epoch 2/10 — Loss: 1.25 — Accuracy: 75.0% — Validation: 1.12, 12.5% — 0.06 s\n");
    same(epoch_line(2, 10, {0.1, 1, score_of(5, 3, 4), {}}),
         "Epoch 2/10 — Loss: 1.25 — Accuracy: 75.0% — Validation: – — 1.00 s\n");
    expect(letters_in(epoch_line(99, 99, {1, 9.99, score_of(9.99, 1, 1), score_of(9.99, 1, 1)})) <= 81);
    same(epoch_line(99, 99, {1, 9.99, score_of(9.99, 1, 1), score_of(9.99, 0, 1)}),
         "Epoch 99/99 — Loss: 9.99 — Accuracy: 100.0% — Validation: 9.99, 0.0% — 9.99 s\n");
  };

  "which files a run writes, and which it may have left unfinished"_test = [] {
    const auto is_written = [](const std::string& name) {  // a folder in its place is refused
      const Scratch folder;
      fs::create_directory(folder / name);
      return has(failure_of([&] { prepare_folder(folder.path); }), "a folder, where");
    };
    for (const char* name : {"rnn.txt", "history.csv", "report.svg", "rnn_epoch1.txt", "rnn_epoch10.txt"})
      expect(is_written(name)) << name;
    for (const char* name : {"rnn_epoch.txt", "rnn_epoch", "rnn_epoch1.csv", "rnn_epoch1_txt", "arnn.txt", "rnn.txta",
                             "x", "rnn.0123456789abcdef.tmp", "rnn_epoch1x.txt", "rnn_epochx1.txt", "rnn_epoch1.txt1"})
      expect(!is_written(name)) << name;
    const auto is_removed = [](const std::string& name, std::chrono::minutes age) {
      const Scratch folder;
      fs::last_write_time(folder.write(name, ""), fs::file_time_type::clock::now() - age);
      prepare_folder(folder.path);
      return !fs::exists(folder / name);
    };
    using std::chrono::minutes;
    expect(is_removed("rnn.0123456789abcdef.tmp", minutes(61)) && is_removed("rnn.0000000000000000.tmp", minutes(61)));
    expect(!is_removed("rnn.0123456789abcdef.tmp", minutes(59))) << "a young one stays";
    for (const char* name :
         {"rnn.0123456789abcde.tmp", "rnn.0123456789abcdeg.tmp", "rnn.0123456789ABCDEF.tmp", "rnn-0123456789abcdef.tmp",
          "rnn.0123456789abcdef.tmq", "mine.0123456789abcdef.tmp", "rnn.00123456789abcdef.tmp", ".0123456789abcdef.tmp",
          "rnn.tmp", "rnn.txt", "x", "rnn.0123456789abcdef.tmp.tmp", "history.csv", "report.svg", "rnn_epoch1.txt"})
      expect(!is_removed(name, minutes(61))) << name;
  };

  "the folder of models is made ready, and what is in it stays"_test = [] {
    const Scratch scratch;
    const fs::path folder = scratch.path / "a/b";
    prepare_folder(folder);
    expect(fs::is_directory(folder) && fs::is_empty(folder));
    for (const char* name : {"rnn.txt", "rnn_epoch3.txt", "report.svg", "history.csv"}) {
      fs::create_directory(folder / name);
      same(failure_of([&] { prepare_folder(folder); }),
           "1: " + (folder / name).string() + ": a folder, where a file is written");
      fs::remove(folder / name);
    }
    fs::create_directories(folder / "mine/rnn.0123456789abcdef.tmp");
    prepare_folder(folder);
    const std::string advice = "; name another folder with --model_dir";
    scratch.write("file", "");
    expect(has(failure_of([&] { prepare_folder(scratch / "file/models"); }), advice));
    fs::create_symlink("nowhere", scratch / "link");
    same(failure_of([&] { prepare_folder(scratch / "link"); }),
         "1: " + scratch / "link" + ": a link to nothing" + advice);
    fs::create_directory_symlink(folder, scratch / "good");
    prepare_folder(scratch / "good");
  };

  // A folder's files and what they hold, but for what is unfinished.
  const auto files_of = [](const fs::path& folder) {
    std::map<std::string, std::string> files;
    for (const fs::path& path : entries_of(folder, ""))
      if (!is_temporary(path)) files[path.filename().string()] = read(path);
    return files;
  };
  const std::map<std::string, std::string> old_run = {{"history.csv", "old"},    {"mine", "old"},
                                                      {"report.svg", "old"},     {"rnn.txt", "old"},
                                                      {"rnn_epoch1.txt", "old"}, {"rnn_epoch12.txt", "old"}};
  const std::map<std::string, std::string> new_run = {
      {"history.csv", "history"}, {"mine", "old"}, {"rnn.txt", "model"}, {"rnn_epoch1.txt", "model"}};

  "a run's first epoch takes the place of an earlier run"_test = [&] {
    const Scratch folder;
    for (const auto& [name, text] : old_run) folder.write(name, text);
    replace_run(folder.path, "model", "history");
    expect(files_of(folder.path) == new_run && std::distance(fs::directory_iterator(folder.path), {}) == 4);
    append_line(folder / "history.csv", "+1\n");
    same(read(folder / "history.csv"), "history+1\n");
    expect(has(failure_of([&] { append_line(folder / "none/x", ""); }), "none/x: No such file or directory"));
    check_history(folder / "history.csv", "history+1\n");
    for (const char* name : {"history.csv", "none/history.csv"})
      same(failure_of([&] { check_history(folder / name, "history+2\n"); }),
           "1: " + folder / name + ": another run has changed it, so this run ends; give each its own --model_dir");
    folder.write("report.svg/x", "");
    same(failure_of([&] { replace_run(folder.path, "model", "history"); }),
         "1: " + folder / "report.svg" + ": Directory not empty");
    expect(
        has(failure_of([&] { entries_of(folder / "none", "; advice"); }), "none: No such file or directory; advice"));
  };

#ifdef __linux__
  // The run stops before and after each of its system calls, and what the folder then holds is what a kill would leave.
  "a run that is killed before or after any of its system calls leaves whole files of one run"_test = [&] {
    const Small small, other;
    const std::string options = "--seed 3 --threads 1";
    expect(small.train("--epochs 4").status == 0 && other.train(options).status == 0);
    const auto old_files = files_of(small.models), new_files = files_of(other.models);
    expect(new_files.at("rnn.txt") == new_files.at("rnn_epoch3.txt")) << "each epoch is the best so far";
    const pid_t child = fork();
    if (child == 0) {
      ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      raise(SIGSTOP);
      _exit(small.train(options).status);
    }
    int status = 0;
    size_t old_stops = 0, new_stops = 0;
    for (waitpid(child, &status, 0); WIFSTOPPED(status); waitpid(child, &status, 0)) {
      const auto files = files_of(small.models);
      expect(files.contains("rnn.txt")) << "no rnn.txt after" << old_stops << new_stops;
      const bool is_old = files.contains("rnn.txt") && files.at("rnn.txt") == old_files.at("rnn.txt");
      ++(is_old ? old_stops : new_stops);
      for (const auto& [name, text] : files) {
        const auto& of_run = is_old ? old_files : new_files;
        bool is_whole = of_run.contains(name) && of_run.at(name) == text;
        if (name == "history.csv" && !is_old)  // whose seconds differ
          is_whole = text.starts_with(history_head) && text.ends_with('\n');
        if (name == "rnn.txt")  // of any epoch
          is_whole = std::ranges::any_of(of_run, [&text = text](const auto& file) { return file.second == text; });
        expect(is_whole) << name << "after" << old_stops << new_stops;
      }
      ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    }
    expect(WIFEXITED(status) && WEXITSTATUS(status) == 0 && files_of(small.models).size() == new_files.size());
    expect(old_stops > 100 && new_stops > 100) << old_stops << new_stops;
  };
#endif

  "a model before training"_test = [] {
    const std::string a = "Xa\nxb\nxc\nxd\nxe\nxf\n", b = "ya\nyb\nyc\nyd\nye\nyf\n";
    const Settings settings;
    const Model model = new_model({{"A", "B"}, {read_names(a), read_names(b)}}, "folder", settings);
    expect(model.languages == Strings{"A", "B"} && model.split_seed == 1 && model.options == options_line(settings));
    expect(model.alphabet.letters.find(U'x') != model.alphabet.letters.npos && model.epoch == 0);
    same(failure_of([&] {
           new_model({{"A"}, {read_names(a)}}, "folder", settings);
         }),
         "1: folder: one language alone, A; there is nothing to tell it from");
    std::string one;  // a name that is not for training
    while (one.empty() || in_part(read_names(one).names[0], Part::training, 1)) one += 'x';
    same(failure_of([&] {
           new_model({{"A", "B"}, {read_names(a), read_names(one)}}, "folder", settings);
         }),
         "1: folder: B has no name to train on; add some, or change --split_seed");
    expect(has(failure_of([&] {
                 new_model({{"A", "B"}, {read_names(one), read_names(a)}}, "folder", settings);
               }),
               "A has no name to train on"));
  };

  "the memory that training takes is estimated: at most twice what is allocated, and hardly less"_test = [] {
    // How much of the estimate is allocated, with names of so many letters.
    const auto share_of = [](size_t letters, size_t hidden, size_t batch_size) {
      const Small small;
      for (const char language : {'A', 'B', 'C'}) {
        std::string list;
        for (int i = 0; i < 16; ++i) list += std::string(letters - 2, language) + format("%02d\n", i);
        small.write(std::string("names/") + language + ".txt", list);
      }
      const size_t symbols = new_model(load_data(small.names), "", {}).alphabet.symbols();
      const size_t before = most_in_use = memory_in_use.load();
      const std::string sizes = format("--hidden_dim %zu --batch_size %zu", hidden, batch_size);
      expect(small.train("--epochs 1 --threads 1 " + sizes).status == 0);
      return 1e-9 * as_double(most_in_use - before) /
             gigabytes({.hidden = hidden, .batch_size = batch_size}, symbols, 3, letters + 1);
    };
    for (const double share : {share_of(4, 512, 16), share_of(4, 512, 128), share_of(64, 128, 64)})
      expect(share > 0.55 && share < 1.1) << share;  // above 1 for the padding of rows
    expect(gigabytes({.hidden = 1}, 3, 20000, 2) > 3.2) << "a confusion matrix counts each pair of languages";
  };

  "a training that would take too much memory is refused"_test = [] {
    const Small small;
    for (const char language : {'A', 'B'}) {
      std::string letters;  // 60,000 from U+10000, in names of four and of three
      for (char32_t c = 0; c < 60000; ++c)
        letters += encode_utf8(0x10000 + c) + (c % ('E' - language) == 0 || c == 59999 ? "\n" : "");
      small.write(std::string("names/") + language + ".txt", letters + std::string(1000, 'a'));
    }
    largest_piece = 1 << 28;
    const Run refused = small.train("--hidden_dim 4096");
    largest_piece = std::numeric_limits<size_t>::max();
    expect(refused.status == 1 && has(refused.err, " GB of memory, and 16 are allowed; lower --hidden_dim"))
        << refused.err;
    expect(!fs::exists(small.models));
  };

  for (const bool plain : {false, true})
    "an epoch is run, measured and held against what is finite"_test = [=] {
      const Alphabet alphabet(U"ab");
      Examples examples;
      for (size_t i = 0; i < 10; ++i) examples.push_back({alphabet.encode(i % 2 == 0 ? U"a" : U"b"), i % 2});
      const Settings settings{.hidden = 4, .epochs = 4, .batch_size = 4, .learning_rate = 0.5};
      Team team(1);
      const auto trainer = [&](const Settings& its_settings) {
        return Trainer(start_training(its_settings, 3, 2, examples.size()), examples, team, plain);
      };
      Trainer right = trainer(settings);
      const EpochRecord epoch = run_epoch(right, {examples.begin(), examples.begin() + 4}, 1);
      // 3 mini-batches an epoch, 12 in all; the second epoch begins with the 4th.
      expect(std::abs(epoch.learning_rate - 0.5 * (1 - 3 / 12.0)) < 1e-12) << epoch.learning_rate;
      expect(epoch.training.names == 10 && epoch.validation.names == 4 && epoch.seconds > 0 && epoch.seconds < 5);
      constexpr Real most = std::numeric_limits<Real>::max();
      const auto diverged = [&](size_t epoch_of, auto change) {  // what is said of an epoch with changed parameters
        Training wrong = start_training(settings, 3, 2, examples.size());
        change(wrong.parameters);
        Trainer its_trainer(wrong, examples, team, plain);
        return failure_of([&] { run_epoch(its_trainer, examples, epoch_of); });
      };
      const std::string not_a_number = diverged(1, [](Parameters& p) { p.V(0, 0) = std::nanf(""); });
      expect(has(not_a_number, "1: training diverged in epoch 2: ")) << not_a_number;
      expect(has(not_a_number, " (models of earlier epochs stay)")) << not_a_number;
      const auto infinite_loss = [](Parameters& p) { p.c.numbers = {most / 2, -most}; };
      const std::string failure = diverged(0, infinite_loss);
      expect(has(failure, "training diverged in epoch 1") && failure.ends_with("--clip_norm")) << failure;
      const auto infinite_norm = [](Parameters& p) {  // h is 0, and so is o
        p = zero_parameters(3, 4, 2);
        p.V(0, 1) = most, p.V(1, 1) = -most, p.W(1, 1) = 10;
      };
      expect(has(diverged(0, infinite_norm), "diverged"));
      Examples alike = examples;
      for (Example& example : alike) example.language = 0;
      Training wild = start_training({.hidden = 4, .epochs = 1, .batch_size = 10, .learning_rate = 3e38, .momentum = 0},
                                     3, 2, alike.size());
      wild.parameters = zero_parameters(3, 4, 2);
      wild.parameters.c.numbers = {most, most};
      Trainer its_trainer(wild, alike, team, plain);
      expect(has(failure_of([&] { run_epoch(its_trainer, {}, 0); }), "diverged")) << "the last update makes c infinite";
    };

  "of a training the epoch with the lowest validation loss is kept"_test = [] {
    const Small small;
    const Run trained = small.train("--epochs 12 --learning_rate 0.2 --decay none");
    std::istringstream history(read(small.models + "/history.csv"));
    size_t best = 0, epoch = 0;
    double lowest = 0;
    std::string line;
    std::getline(history, line);
    same(line, "epoch,learning_rate,loss,accuracy,validation_loss,validation_accuracy,seconds");
    while (std::getline(history, line)) {
      expect(line.starts_with(format("%zu,0.2,", ++epoch))) << line;
      std::replace(line.begin(), line.end(), ',', ' ');
      const double loss = std::stod(words_of(line)[4]);
      if (best == 0 || loss < lowest) best = epoch, lowest = loss;
      expect(read_model(read(small.models + format("/rnn_epoch%zu.txt", epoch))).epoch == epoch);
    }
    expect(epoch == 12 && best > 1 && best < 12) << best;
    same(read(small.models + "/rnn.txt"), read(small.models + format("/rnn_epoch%zu.txt", best)));
    expect(has(trained.out, format("Kept epoch %zu of 12: ", best)) && trained.status == 0);
  };

  "what an earlier run left stays until the first epoch of the next has ended"_test = [] {
    const Small small;
    for (const char* name : {"report.svg", "rnn_epoch9.txt", "mine.tmp"})
      small.write(std::string("models/") + name, "");
    const Run failed = small.train("--learning_rate 1e38 --clip_norm 1e38 --decay none --batch_size 8");
    expect(failed.status == 1 && has(failed.err, "rnn: training diverged in epoch 1: ")) << failed.err;
    same(small.files(), "mine.tmp report.svg rnn_epoch9.txt ");
    expect(small.train("--epochs 2").status == 0);
    same(small.files(), "history.csv mine.tmp report.svg rnn.txt rnn_epoch1.txt rnn_epoch2.txt ");
  };

  "a training without a name to validate or to test"_test = [] {
    const Small small;
    small.write("names/C.txt", "Xc");
    std::uint64_t seed = 0;  // with which all names are for training
    const auto part_of = [&](Part part, const char* text) { return in_part(read_names(text).names[0], part, seed); };
    while (!part_of(Part::training, "Ann") || !part_of(Part::training, "Xb") || !part_of(Part::training, "Xc")) ++seed;
    small.write("names/A.txt", "Ann");
    small.write("names/B.txt", "Xb");
    const Run trained = small.train("--split_seed " + decimal(seed));
    expect(trained.status == 0 && has(trained.out, "\n3 names to train on, 0 to validate, 0 to test\n"));
    expect(has(trained.out, " — Validation: – — ") &&
           has(trained.out, "\nTest — no name of the folder is in the test"));
    expect(has(read(small.models + "/history.csv"), ",,,"));
  };

  "test mode: the names of each part, and of languages that have no file"_test = [] {
    const Small small;
    expect(small.train("").status == 0);
    const auto tested = [&](const std::string& part) {
      return run({"--mode", "test", small.names, "--model_path", small.models + "/rnn.txt", "--part", part}).out;
    };
    const Data data = load_data(small.names);
    const Strings parts = words_of(all_parts);
    for (size_t k = 0; k < parts.size(); ++k) {
      size_t count = 0;
      for (const NameList& list : data.names)
        for (const Name& name : list.names) count += in_part(name, static_cast<Part>(k), 1);
      const std::string lines = tested(parts[k]);
      expect(has(lines, " — " + counted(count, "name") + (k == 2 ? "\n" : " (" + parts[k] + ")\n"))) << lines;
      expect(has(lines, "These are the names of the " + parts[k] + " part; --part all takes all 36.\n") == (k < 3));
    }
    fs::remove(small / "names/B.txt");
    expect(has(tested("all"), "\nMacro F1 leaves out languages without a name to test: B\n"));
  };

  "what the modes refuse"_test = [] {
    const Small small;
    Model model = two_letters();  // whose logits will be infinite
    model.parameters.V.numbers = {Real(3e38), Real(-3e38)};
    model.parameters.c.numbers = model.parameters.V.numbers;
    small.write("ab/A.txt", "Ann");
    const std::string path = small.write("model", write_model(model)), ab = small / "ab", names = small.names;
    const std::string large = "the model's numbers are too large to compute with";
    const std::pair<Strings, std::string> refusals[] = {
        {{"--mode", "trace"}, "2 rnn: trace follows one name: ./rnn --mode trace Rodrigues"},
        {{"--mode", "trace", "Ann", "Ben"}, "2 rnn: trace follows one name: ./rnn --mode trace Rodrigues"},
        {{names, "--model_dir", names + "/new/.."},  // new is not there yet
         "1 rnn: " + names + "/new/..: models can't stand among the names; name another folder with --model_dir"},
        {{"--mode", "test", names, "--model_path", path},
         "1 rnn: " + names + ": C is no language of the model " + path},
        {{"--mode", "test", ab, "--model_path", path, "--part", "all"}, "1 rnn: " + large},
        {{"--mode", "predict", "--model_path", path, "a"}, "1 rnn: " + large},
        {{"--mode", "trace", "--model_path", path, "a"}, "1 rnn: " + large}};
    for (const auto& [words, expected] : refusals) {
      const Run refused = run(words);
      same(std::to_string(refused.status) + ' ' + refused.out + refused.err, expected + '\n');
    }
    expect(std::distance(fs::directory_iterator(names), {}) == 3);
    Team team(1);
    const Classifier classify(model.parameters, team, false);
    Filter filter{model, classify, 1};
    filter.add("a", 1);
    same(failure_of([&] { filter.answers(); }), "1: " + large);
  };

  "memory that is too small for writing a model is noticed before an epoch"_test = [] {
    const Scratch folder;
    const Alphabet alphabet(U"ab");
    const Examples examples = {{alphabet.encode(U"a"), 0}, {alphabet.encode(U"b"), 1}};
    const Training start = start_training({.hidden = 64, .epochs = 2}, 3, 2, 2);  // 4,400 numbers, 48,000 bytes of text
    const Model model{1, 1, "--options", {"A", "B"}, alphabet, start.parameters};
    Team team(1);
    Trainer trainer(start, examples, team, false);
    for (const size_t piece : {size_t{45000}, largest_piece}) {
      std::vector<EpochRecord> history;
      bool is_enough = true;
      try {
        largest_piece = piece;
        run_epochs(trainer, model, {}, folder.path, history);
      } catch (const std::bad_alloc&) {
        is_enough = false;
      }
      largest_piece = std::numeric_limits<size_t>::max();
      expect(is_enough == (piece > 45000) && history.size() == (is_enough ? 2 : 0)) << piece << history.size();
    }
    expect(fs::exists(folder / "rnn_epoch2.txt"));
  };

  "the last lines"_test = [] {
    const std::vector<EpochRecord> history(3, {0.1, 1, score_of(8, 0, 10), score_of(6, 1, 10)});
    Model best = two_letters();
    best.epoch = 3;
    Options options = parse_command_line({});
    const auto lines = [&](const std::string& folder, const std::string& name) {
      options.model_dir = folder;
      return last_lines(history, best, options, name);
    };
    same(lines("models", "Rodrigues"),
         "Kept epoch 3 of 10: models/rnn.txt, models/report.svg\nTry: ./rnn --mode predict Rodrigues\n");
    same(lines("./models/", "García"),
         "Kept epoch 3 of 10: ./models/rnn.txt, ./models/report.svg\nTry: ./rnn --mode predict García\n");
    options.program = "my programs/rnn";
    same(lines("a\nb", "O'Brien"),
         "Kept epoch 3 of 10: a?b/rnn.txt, a?b/report.svg\n"
         "Try: 'my programs/rnn' --mode predict --model_path 'a?b/rnn.txt' 'O'\\''Brien'\n");
    expect(has(lines("x-1_2.3", "-Smith"), " --model_path x-1_2.3/rnn.txt -- -Smith\n"));
    for (const char letter : std::string(" \t\n!\"#$&'()*;<=>?[\\]^`{|}~"))
      expect(shell_word(std::string("a") + letter).starts_with("'a")) << letter;
    options.plain = true;
    expect(has(lines("models", "x"), "/rnn' --plain --mode predict x\n"));
    best.languages = {"A"};
    expect(
        has(lines("m", "x"), "\nThat is no better than knowing nothing (a loss of 0.00): lower --learning_rate.\nTry"));
    best.languages = Strings(2, "A");  // log 2 is 0.69, and the loss 0.6
    expect(!has(lines("m", "x"), "knowing nothing"));
  };

  "a name to try: the first of the test part, or the first of all"_test = [] {
    const Data data{{"A", "B"}, {read_names("Ann\nBen\n"), read_names("Xyz\nZoe")}};
    std::set<std::string> tried;  // with a hundred splits
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
      const std::string name = name_to_try(data, seed);
      const auto is_tested = [&](const char* text) { return in_part(read_names(text).names[0], Part::test, seed); };
      expect(is_tested(name.c_str()) || name == "Ann") << name << "is not for testing";
      expect(name == "Ann" || !is_tested("Ann")) << "Ann comes first";
      expect(name != "Zoe" || (!is_tested("Ben") && !is_tested("Xyz"))) << "Zoe comes last";
      tried.insert(name);
    }
    expect(tried == std::set<std::string>{"Ann", "Ben", "Xyz", "Zoe"});
  };

  "a ranking: likeliest first, at most so many"_test = [] {
    const std::vector<double> y{0.1, 0.4, 0.1, 0.4};
    expect(ranking(y, 1) == std::vector<size_t>{1} && ranking(y, 3) == std::vector<size_t>{1, 3, 0});
    expect(ranking(y, 9) == std::vector<size_t>{1, 3, 0, 2});
  };

  "names of the command line"_test = [] {
    expect(parse_name(" Añ ") == U"Añ");
    same(failure_of([] { parse_name(" "); }), "2: an empty name");
    same(failure_of([] { parse_name("a\377"); }), "2: `a?`: malformed UTF-8: save the text as UTF-8");
    expect(
        has(failure_of([] { parse_name(std::string(1001, 'a')); }), "2: `" + std::string(39, 'a') + "…`: a name of"));
    same(failure_of([] { check_finite(std::nan("")); }), "1: the model's numbers are too large to compute with");
    same(failure_of([] { check_finite(0); }), "no failure");
    expect(unseen_letters(U"名a前名", {unknown, 0, unknown, unknown, 1}) == U"名前");
    expect(is_unknown({unknown, unknown, 2}) && !is_unknown({unknown, 0, 2}) && !is_unknown({0, unknown, 2}));
  };

  "the answer to a name"_test = [] {
    Model model = two_letters();
    const Real y[] = {Real(0.25), Real(0.75)};
    model.languages = {"A", std::string(60, 'x')};
    same(answer_lines("aB", model, y, 1), "aB\n  " + std::string(60, 'x') + "  75.0%  " + bar(0.75, 40) + '\n');
    model.languages[1] = "Bé";
    same(answer_lines("名a前", model, y, 3),
         "名a前\n  never seen in training: U+540D 名, U+524D 前\n  Bé        75.0%  " + bar(0.75, 40) +
             "\n  A         25.0%  ██████████\n");
    same(answer_lines("名", model, y, 3),
         "名\n  never seen in training: U+540D 名\n  no answer, since none of its letters is known\n");
  };

  for (const bool plain : {false, true})
    "the filter: a line out for each line in"_test = [=] {
      const Model model = two_letters();
      Team team(1);
      const Classifier classify(model.parameters, team, plain);
      Filter filter{model, classify, 1};
      for (const char* line : {"\xef\xbb\xbf"
                               "a\r",
                               "", " B ", "a\tb", "\377", "名b名", "前b", "前a"})
        filter.add(line, filter.lines.size() + 1);
      expect(filter.refused == 2 && filter.examples.size() == 5);
      same(filter.answers(),
           "a\tA\t0.982007\n\n B "
           "\tB\t0.982007\n?\t?\t0\n?\t?\t0\n名b名\tB\t0.982007\n前b\tB\t0.982007\n前a\tA\t0.982007\n");
      same(filter.summary(), "rnn: 3 lines have letters never seen in training: U+524D (2), U+540D (1)\n");
      same(filter.answers(), "");
      expect(filter.examples.empty());
      filter.add("", 9);
      filter.add("名", 10);
      filter.add("b", 11);
      same(filter.answers(), "\n名\t?\t0\nb\tB\t0.982007\n");
      expect(filter.refused == 2) << "a name without a known letter is no fault";
      filter.add("a\t", 12);
      filter.add("a\x1b[2Jb\u0080", 13);
      same(filter.answers(), "?\t?\t0\n?\t?\t0\n");
      expect(filter.refused == 4) << "a TAB beside a name, and what could move a cursor";
      filter.add(std::string(8001, 'x'), 14);
      for (size_t number = 15; number <= 20; ++number) filter.add("\377", number);
      expect(has(filter.summary(), "rnn: standard input: 1 more line refused\nrnn: 4 lines have "));
    };

  "the filter: more than one language a line"_test = [] {
    Model model = two_letters();
    const std::string name = model.languages[0] = std::string(60, 'A');
    Team team(1);
    const Classifier classify(model.parameters, team, false);
    Filter filter{model, classify, 5};
    filter.add("", 1);
    filter.add(
        "\xef\xbb\xbf"
        "b",
        2);
    filter.add("a", 3);
    filter.add(std::string(1001, 'x'), 4);
    filter.add("ж", 5);
    const std::string answers = filter.answers();
    expect(answers.starts_with("\nb\tB\t")) << answers;
    expect(has(answers, "\na\t" + name + "\t0.982007\tB\t0.017993\n" + std::string(1001, 'x') + "\t?\t0\t?\t0\n"));
    same(filter.summary(), "rnn: 1 line has letters never seen in training: U+0436 (1)\n");
    for (const char* line : {"123456", "6", "5"}) filter.add(line, 9);
    same(filter.summary(),
         "rnn: 4 lines have letters never seen in training: U+0035 (2), U+0036 (2), U+0031 (1), "
         "U+0032 (1), U+0033 (1) and 2 more\n");
    Filter plain{model, classify, 1};
    for (size_t number = 1; number <= 10; ++number) plain.add("\377", number);
    same(plain.summary(), "");
    plain.refused = 0;
    plain.add("ab", 1);
    same(plain.summary(), "");
    expect(plain.refused == 0);
  };

  "trace: against the equations, one unit, two languages, a name of one letter"_test = [] {
    Parameters p = zero_parameters(2, 1, 2);
    p.U.numbers = {Real(0.5), Real(0.3)}, p.b.numbers = {Real(0.1)}, p.W.numbers = {Real(0.7)};
    p.V.numbers = {1, Real(-0.5)}, p.c.numbers = {Real(0.2), 0};
    const Model model{1, 1, "-", {"A         ", "B         "}, Alphabet(U"a"), p};
    Trace trace = follow(model, U"a");
    const double h1 = std::tanh(0.6), h2 = std::tanh(0.1 + 0.7 * h1 + 0.3);
    const auto first = [](double h) { return 1 / (1 + std::exp(-1.5 * h - 0.2)); };  // y[0]: o is 0.2 + h and -0.5 h
    const double wrong = first(h2) - 1, da2 = (1 - h2 * h2) * (wrong + 0.5 * wrong), da1 = (1 - h1 * h1) * 0.7 * da2;
    const auto entropy = [](double y) { return -y * std::log2(y) - (1 - y) * std::log2(1 - y); };
    const auto line = [&](const char* letter, double h, double da, const std::string& without) {
      return letter +
             format("A         %3.0f B         %3.0f %5.2f %7.2g ", 100 * first(h), 100 - 100 * first(h),
                    entropy(first(h)), std::abs(da)) +
             without + "  " + shade((h + 1) / 2) + '\n';
    };
    const std::string without = format("%6.0f%%", 100 * first(std::tanh(0.1 + 0.3)));  // of the end alone
    same(trace_table(trace, U"a", model), "                                bits |dL/da| without  hidden\n" +
                                              line("a  ", h1, da1, without) + line("$  ", h2, da2, "       "));
    trace.symbols[0] = unknown;
    trace.steps[1].y = {1, 0};
    expect(has(trace_table(trace, U"\x1", model), "\n?? A         100 B           0  0.00 ")) << "unseen; sure";
    expect(follow(two_letters(), U"b").answer == 1u);
    expect(std::abs(probability_without(1, two_letters().alphabet.encode(U"ba"), two_letters(), 0) - 0.982007) < 1e-6);
  };

  "the picture has at most ten ticks of epochs, seven of losses, and labels of at most twenty letters"_test = [] {
    Svg svg;
    draw_losses(svg, std::vector<EpochRecord>(11, {1, 1, score_of(3.6, 1, 1), score_of(1, 1, 1)}), 1, 0, 0);
    expect(has(svg.body, ">10</text>") && !has(svg.body, ">11</text>"));
    expect(has(svg.body, ">3</text>") && !has(svg.body, ">3.5</text>"));
    Svg thirty;
    draw_losses(thirty, std::vector<EpochRecord>(30, {1, 1, score_of(1, 1, 1), {}}), 1, 0, 0);
    expect(numbers_of(thirty.body, "rx=\"3\" fill", "x").size() == 30) << "a dot an epoch";
    Model model = two_letters();
    model.languages = {std::string(20, 'x'), std::string(21, 'y')};
    const std::string picture = draw_picture({{1, 1, score_of(1, 1, 1), score_of(1, 1, 1)}}, {{}, Confusion(2)}, model);
    expect(has(picture, std::string(20, 'x') + "<") && has(picture, ">" + std::string(19, 'y') + "…<"));
  };

  "trace: at most three languages and twelve units, in 80 columns"_test = [] {
    SplitMix64 random{1};
    Model model{1, 1, "-", Strings(5, "Portuguese or so"), Alphabet(U"a"), initial_parameters(2, 20, 5, random)};
    Trace trace = follow(model, U"a");
    std::istringstream lines(trace_table(trace, U"a", model));
    for (std::string line; std::getline(lines, line);)
      expect(letters_in(line) <= 80 && (has(line, "hidden") || (letters_in(line) == 80 && has(line, "Portugues… "))))
          << line;
    trace.steps[2].y[0] = std::numeric_limits<Real>::quiet_NaN();
    expect(has(failure_of([&] { trace_table(trace, U"a", model); }), "too large to compute with"));
  };

  "explore: endings, and what is typical"_test = [] {
    Count one, all;
    for (const char32_t* name : {U"abcde", U"xcde", U"de", U"e"}) one.add(name), all.add(name);
    for (const char32_t* name : {U"de", U"fde", U"xy", U"xy"}) all.add(name);
    expect(one.names == 4 && one.letters == 12 && one.longest == 5);
    expect(one.endings == std::map<std::u32string, size_t>{{U"bcde", 1}, {U"xcde", 1}, {U"cde", 2}, {U"de", 3}});
    // n log(p / q): cde 2 log(2/4 / (2/8)) = 1.39; de 3 log(3/4 / (5/8)) = 0.55; bcde and xcde 1 log(2) = 0.69
    same(typical_endings(one, all), " -cde -bcde -xcde");
  };

  "explore: the table and the shared names"_test = [] {
    const std::string a = "Ann\nBen\nXyz\nO", b = "ann\nQqqqqqqqqqqq";
    const Data data{{"A", "B"}, {read_names(a), read_names(b)}};
    same(explore_table(data),
         "Language  Names   Share              Mean  Longest Typical endings\n"
         "A             4   66.7%  ██████████   2.5        3 -ben -en -xyz\n"
         "B             2   33.3%  █████        7.5       12 -qq -qqq -qqqq\n");
    size_t tested = 0;
    std::uint64_t seed = 0;  // with which Ann is tested, in both languages, and one name more
    while (tested != 2 || !in_part(data.names[0].names[0], Part::test, seed)) {
      ++seed;
      tested = 0;
      for (const char* name : {"Ann", "Ben", "Xyz", "O", "Qqqqqqqqqqqq"})
        tested += in_part(read_names(name).names[0], Part::test, seed);
    }
    same(shared_names(data, seed),
         "6 names, 5 different ones, 1 of them in several languages.\n"
         "So no classifier can be right on more than 66.7% of the test names (--split_seed " +
             std::to_string(seed) + ").\n");
    for (seed = 0; tested != 0; ++seed) {
      tested = 0;
      for (const char* name : {"Ann", "Ben", "Xyz", "O", "Qqqqqqqqqqqq"})
        tested += in_part(read_names(name).names[0], Part::test, seed);
    }
    same(shared_names(data, seed - 1), "6 names, 5 different ones, 1 of them in several languages.\n");
  };

  golden::test_program();

  "this build computes as it should"_test = [] { same(failure_of([] { check_arithmetic(false); }), "no failure"); };
}
