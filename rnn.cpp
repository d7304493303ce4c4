// rnn.cpp is the program around rnn.hpp: files, threads, printing, the picture, the command line. A port may do all of
// this in its own way.

// exp and tanh of rnn.hpp, and the checks for numbers that are not finite, need arithmetic as IEEE 754 has it.
#if defined(_WIN32)
#error "on Windows, use WSL (Windows Subsystem for Linux)"
#elif defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \
    (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "build without -ffast-math, -Ofast and their parts (-ffinite-math-only, -funsafe-math-optimizations)"
#elif defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
#error "build with -msse2 -mfpmath=sse: x87 registers round in other places, and exp and tanh come out wrong"
#elif defined(__cpp_if_consteval) && defined(__clang_major__) && __clang_major__ == 14
#error "build with -std=c++20: in later standards clang++ 14 does not align what a std::vector holds"
#endif

#include "rnn.hpp"
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <random>
#include <sstream>
#include <system_error>
#include <thread>

namespace {

using namespace rnn;
namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

// Thrown to end the program: it prints the sentence on standard error, unless it is empty, and exits with the status.
// Status 1 means that the program failed, 2 that the command line is wrong, 130 that a signal interrupted training.
struct Failure {
  std::string what;
  int status = 1;
};

// ---- 1. Text --------------------------------------------------------------------------------------------------------

// Does what printf does, into a string. It is a C variadic function, so the compiler checks the values against the
// pattern.
[[gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...) {
  std::va_list values, again;
  va_start(values, pattern);
  va_copy(again, values);
  std::string text(static_cast<size_t>(std::vsnprintf(nullptr, 0, pattern, values)), '\0');
  std::vsnprintf(text.data(), text.size() + 1, pattern, again);
  va_end(again);
  va_end(values);
  return text;
}

// Returns "1 name" or "2 names", for example.
std::string counted(size_t count, const char* thing) { return format("%zu %s%s", count, thing, count == 1 ? "" : "s"); }

// Returns "A, B, C and 4 more", for example.
std::string listed(const Strings& words, size_t most) {
  std::string text;
  for (size_t i = 0; i < std::min(words.size(), most); ++i) text += (i > 0 ? ", " : "") + words[i];
  return words.size() <= most ? text : text + format(" and %zu more", words.size() - most);
}

// Returns the shortest decimal that reads back to the same number, or another form that std::to_chars knows.
std::string decimal(auto number, auto... form) {
  char digits[32];
  return {digits, std::to_chars(digits, std::end(digits), number, form...).ptr};
}

// Makes text fit to be shown. `?` replaces control characters, which could break a line or move a terminal's cursor,
// U+FFFE and U+FFFF, which XML does not allow, and all bytes beyond ASCII if the text is malformed UTF-8.
std::string visible(const std::string& text) {
  const std::optional<std::u32string> letters = decode_utf8(text);
  std::string shown;
  for (const char32_t letter : letters ? *letters : std::u32string(text.begin(), text.end())) {
    const bool is_hidden = is_control(letter) || letter == 0xfffe || letter == 0xffff || (letter >= 0x80 && !letters);
    shown += is_hidden ? "?" : encode_utf8(letter);
  }
  return shown;
}
size_t letters_in(const std::string& text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char byte) { return (byte & 0xc0) != 0x80; }));
}

// Fits text into a column of `width` letters: fills it up with blanks, on its left if it is a number, or cuts it, which
// … shows.
std::string fit(std::string text, size_t width, bool number = false) {
  text = visible(text);
  if (letters_in(text) > width) {
    while (letters_in(text) >= width) text.pop_back();
    text += "…";
  }
  const std::string blanks(width - letters_in(text), ' ');
  return number ? blanks + text : text + blanks;
}

// Returns the width of a column of languages, which is that of the longest, but at most `most`.
size_t column_width(const Strings& languages, size_t most) {
  size_t longest = std::string_view("Language").size();
  for (const std::string& language : languages) longest = std::max(longest, letters_in(language));
  return std::min(longest, most);
}

double as_double(size_t count) { return static_cast<double>(count); }
double ratio(size_t part, size_t whole) { return as_double(part) / as_double(whole); }
std::string percent(double share) { return std::isnan(share) ? "–" : format("%.1f%%", 100 * share); }

// Returns the indices of the largest numbers, at most `most`, from the largest down. Equal ones keep their order.
std::vector<size_t> ranking(const auto& numbers, size_t most) {
  std::vector<size_t> order(numbers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(std::min(most, order.size()));
  std::ranges::partial_sort(order, end, std::greater(),
                            [&](size_t k) { return std::pair(numbers[k], order.size() - k); });
  order.erase(end, order.end());
  return order;
}

// Both show a share of 0 to 1: as one of five shades, and as a bar.
std::string shade(double share) {
  static const char* const shades[] = {" ", "░", "▒", "▓", "█"};
  return shades[static_cast<size_t>(std::clamp(share * 5, 0.0, 4.0))];
}
std::string bar(double share, size_t width) {
  std::string text;
  for (long left = std::lround(share * as_double(width)); left > 0; --left) text += "█";
  return text;
}

// ---- 2. Files -------------------------------------------------------------------------------------------------------

std::error_code last_error() { return {errno != 0 ? errno : EIO, std::generic_category()}; }

// Prints at once, and not when the program ends. If the reader has closed the pipe, the program ends silently.
void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  if (std::ferror(stdout)) throw Failure{errno == EPIPE ? "" : "standard output: " + last_error().message()};
}

// Says what is wrong with a text, and in which line.
std::string message_of(const std::string& text, const TextError& wrong) {
  return text + (wrong.line > 0 ? ":" + std::to_string(wrong.line) : "") + ": " + wrong.what();
}

inline constexpr size_t longest_line = 8 * longest_name, longest_model_line = 1 << 25;  // both are in bytes

// Takes the next line, less its '\n'. Returns false at the end of the input, and if the input can't be read. It stops
// one byte past `most`, so that a line without an end cannot fill the memory; the next call passes over the rest. It
// asks the stream's buffer, since a get() for each byte is slow. Some libraries take a read error for the end of the
// input; errno tells (but ENOTTY, which only says that the input is no terminal).
bool next_line(std::istream& input, size_t most, std::string& line) try {
  if (line.size() > most) input.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  line.clear();
  if (!input.good()) return false;
  errno = 0;
  int byte = 0;
  while (line.size() <= most && (byte = input.rdbuf()->sbumpc()) != EOF && byte != '\n')
    line += static_cast<char>(byte);
  if (byte != EOF) return true;
  input.setstate(errno == 0 || errno == ENOTTY ? std::ios::eofbit : std::ios::badbit);
  return input.eof() && !line.empty();
} catch (const std::exception&) {  // the buffer throws it where the system can't read
  input.setstate(std::ios::badbit);
  return false;
}
void check_length(std::string_view line, size_t most, size_t number) {
  if (line.size() > most) throw TextError("a line of more than " + std::to_string(most) + " bytes", number);
}

// Returns what `parse` makes of the text of a file.
auto parse_file(const fs::path& path, size_t most, auto parse) {
  std::ifstream file(path, std::ios::binary);
  std::string text, line;
  try {
    for (size_t number = 1; next_line(file, most, line); ++number) {
      check_length(line, most, number);
      text.append(line).append(file.eof() ? "" : "\n");
    }
    if (!file.eof()) throw Failure{path.string() + ": " + last_error().message()};
    return parse(text);
  } catch (const TextError& wrong) {
    throw Failure{message_of(path.string(), wrong)};
  }
}

// A file that takes the place of an old one in one step: a reader, or a run that is killed, finds the old file or the
// new one and never a part. It is first written beside its place, as rnn.<16 hexadecimal digits>.tmp. The digits are
// random, so that no two runs write the same file.
struct NewFile {
  fs::path path;
  fs::path temporary = path.parent_path() / format("rnn.%08x%08x.tmp", std::random_device()(), std::random_device()());

  void write(std::string_view text) const {
    std::ofstream file(temporary, std::ios::binary);
    file << text;
    file.close();
    if (!file) throw Failure{path.string() + ": " + last_error().message()};
  }
  void put_in_place() const {
    std::error_code error;
    fs::rename(temporary, path, error);
    if (error) throw Failure{path.string() + ": " + error.message()};
  }
  ~NewFile() {
    std::error_code ignored;
    fs::remove(temporary, ignored);
  }
};

void write_file(const fs::path& path, std::string_view text) {
  const NewFile file{path};
  file.write(text);
  file.put_in_place();
}

// Lists what a folder holds, sorted by name. If the folder can't be read, the message ends with the advice.
std::set<fs::path> entries_of(const fs::path& folder, const std::string& advice) {
  std::error_code error;
  std::set<fs::path> entries;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    entries.insert(entry->path());
  if (error) throw Failure{folder.string() + ": " + error.message() + advice};
  return entries;
}

// Reads the names of a folder. A file whose name begins with a dot is passed over: systems and editors leave such
// files.
Data load_data(const std::string& folder) {
  std::map<std::string, fs::path> files;  // the key is the language
  Strings others, to_rename;              // others are passed over; those to rename are among them
  for (const fs::path& path : entries_of(folder, "; name a folder of names, or a name with --mode predict")) {
    const std::string name = path.filename().string();
    if (name.starts_with('.')) continue;
    if (path.extension() != ".txt") {
      others.push_back(name);
      if (path.extension() != ".TXT") continue;
      others.back() += ": rename it " + path.stem().string() + ".txt";
      to_rename.push_back(others.back());
      continue;
    }
    const auto [file, is_new] = files.emplace(language_of(path.stem().string()), path);
    if (!is_new) throw Failure{path.string() + ": the same language as " + file->second.string()};
  }
  if (files.empty())
    throw Failure{folder + ": no *.txt in it, " + (others.empty() ? "nor anything else" : "but " + listed(others, 3)) +
                  "; it needs a file such as Polish.txt for each language"};
  for (const std::string& file : to_rename)
    std::fprintf(stderr, "rnn: %s; it was passed over\n", visible((fs::path(folder) / file).string()).c_str());
  Data data;
  for (const auto& [language, file] : files) {
    if (!decode_utf8(language)) throw Failure{file.string() + ": a file's name is its language, in UTF-8"};
    data.languages.push_back(language);
    data.names.push_back(parse_file(file, longest_line, read_names));
  }
  return data;
}

std::string repeats_line(const Data& data) {
  size_t repeats = 0;
  for (const NameList& list : data.names) repeats += list.repeats;
  return counted(repeats, "repeat") + " ignored\n";
}

Model load_model(const std::string& path) {
  std::error_code ignored;
  if (fs::status(path, ignored).type() == fs::file_type::not_found)
    throw Failure{path + ": no such file in " + fs::absolute(path, ignored).parent_path().string() +
                  "; train first, or name a model with --model_path"};
  return parse_file(path, longest_model_line, read_model);
}

// ---- 3. Threads -----------------------------------------------------------------------------------------------------

// team(count, f) calls f(0) ... f(count - 1) on the team's threads and returns when all calls have ended. Thread k
// makes the calls whose number is k modulo the team's size. Training calls the team three times for a mini-batch, and
// waking a sleeping thread takes long beside that. So a thread that waits spins for a while, then yields, then sleeps.
class Team {
 public:
  explicit Team(size_t threads) {
    try {
      for (; size < threads; ++size) helpers.emplace_back([this, k = size] { help(k); });
    } catch (const std::system_error&) {  // the system has no more threads, and those that started will do
    }
  }
  ~Team() {
    task = nullptr;
    start.fetch_add(1);
    start.notify_all();
    for (std::thread& helper : helpers) helper.join();
  }
  void operator()(size_t count, auto&& f) {
    if (count == 1) return f(0);  // the filter answers a line that comes alone without waking the others
    tasks = count;
    task = std::ref(f);
    busy = size - 1;
    start.fetch_add(1);
    start.notify_all();
    work(0);
    while (const size_t left = busy.load()) wait(busy, left);
    failing.clear();
    if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
  }

 private:
  static void wait(std::atomic<size_t>& value, size_t old) {
    for (size_t spins = 0; value.load() == old && spins < 20000; ++spins)
      if (spins > 2000) std::this_thread::yield();
    value.wait(old);
  }
  void help(size_t k) {
    for (size_t round = 0;; ++round) {
      while (start.load() == round) wait(start, round);
      if (!task) return;
      work(k);
      if (busy.fetch_sub(1) == 1) busy.notify_all();
    }
  }
  void work(size_t k) {
    try {
      for (size_t i = k; i < tasks; i += size) task(i);
    } catch (...) {
      if (!failing.test_and_set()) failure = std::current_exception();
    }
  }

  size_t size = 1;
  std::vector<std::thread> helpers;
  alignas(64) std::atomic<size_t> start{0};  // each has a cache line of its own
  alignas(64) std::atomic<size_t> busy{0};
  alignas(64) size_t tasks = 0;
  std::function<void(size_t)> task;
  std::atomic_flag failing{};
  std::exception_ptr failure;
};

// ---- 4. Evaluation and its tables -----------------------------------------------------------------------------------

// How the names of a part are answered: together, and each with the probability of its answer.
struct Evaluation {
  Score score;
  Confusion confusion;
  std::vector<size_t> answers = {};
  std::vector<Real> probabilities = {};
};

// Answers names: with part 2 of rnn.hpp on the team's threads, or, with --plain, with part 1.
struct Classifier {
  const Parameters& parameters;
  Team& team;
  std::optional<fast::Network> network = {};  // none with --plain
  Classifier(const Parameters& p, Team& its_team, bool plain) : parameters(p), team(its_team) {
    if (!plain) network.emplace(p);
  }
  // Calls answer(i, o, y) with the last o and y of every example i, in any order, possibly in parallel.
  void operator()(const Examples& examples, const std::function<void(size_t, Numbers, Numbers)>& answer) const {
    if (network) return fast::classify(*network, examples, team, answer);
    for (size_t i = 0; i < examples.size(); ++i) {
      const Step last = forward(parameters, examples[i].symbols).back();
      answer(i, last.o, last.y);
    }
  }
};

Evaluation evaluate(const Classifier& classify, const Examples& examples) {
  const size_t languages = classify.parameters.languages;
  std::vector<Score> scores(examples.size());  // added up in order below, so that the sum is the same at any --threads
  Evaluation result{{}, Confusion(languages), std::vector<size_t>(examples.size()), std::vector<Real>(examples.size())};
  classify(examples, [&](size_t i, Numbers o, Numbers y) {
    scores[i].add(o, y, examples[i].language);
    result.answers[i] = most_probable(y);
    result.probabilities[i] = y[result.answers[i]];
  });
  for (size_t i = 0; i < examples.size(); ++i) {
    fast::add(result.score, scores[i]);
    ++result.confusion(examples[i].language, result.answers[i]);
  }
  return result;
}

std::string test_line(const Evaluation& test, const std::string& part) {
  if (test.score.names == 0) return "Test — no name of the folder is in the " + part + " part";
  return format("Test — Loss: %.2f — Accuracy: %.1f%% — Macro F1: %.1f%% — ", test.score.mean_cross_entropy(),
                test.score.accuracy(), 100 * test.confusion.macro_f1()) +
         counted(test.score.names, "name") + (part == "test" ? "" : " (" + part + ")");
}

// Says which languages macro F1 leaves out, or nothing if it leaves out none.
std::string left_out(const Confusion& confusion, const Strings& languages) {
  Strings without;
  for (size_t k = 0; k < languages.size(); ++k)
    if (confusion.support(k) == 0) without.push_back(visible(languages[k]));
  if (without.empty() || without.size() == languages.size()) return "";
  return "Macro F1 leaves out languages without a name to test: " + listed(without, 8);
}

// Returns the lines that stand above the tables.
std::string test_lines(const Evaluation& test, const std::string& part, const Strings& languages) {
  const std::string without = left_out(test.confusion, languages);
  return test_line(test, part) + '\n' + without + (without.empty() ? "" : "\n");
}

std::string languages_table(const Confusion& confusion, const Strings& languages) {
  const size_t width = column_width(languages, 40);
  std::string text = "    " + fit("Language", width) + "  Precision  Recall      F1  Support\n";
  for (size_t k = 0; k < languages.size(); ++k) {
    const size_t right = confusion(k, k), support = confusion.support(k);
    text += format("%3zu ", k + 1) + fit(languages[k], width) +
            fit(percent(ratio(right, confusion.predictions(k))), 11, true) +
            fit(percent(ratio(right, support)), 8, true) + fit(support == 0 ? "–" : percent(confusion.f1(k)), 8, true) +
            format(" %8zu\n", support);
  }
  return text;
}

// Returns the per cent of the names of language i that were taken for k.
long row_percent(const Confusion& confusion, size_t i, size_t k) {
  return confusion(i, k) == 0 ? 0 : std::lround(100 * ratio(confusion(i, k), confusion.support(i)));
}

// Lines are at most 120 letters long, for 31 languages with room for the longest of our names.
std::string confusion_table(const Confusion& confusion, const Strings& languages) {
  const size_t cells = 3 * languages.size(), number = 3, narrowest = 12, line = 120;
  if (number + narrowest + cells > line)
    return "The confusion matrix is too wide to print. report.svg of the training run has that of its test names.\n";
  const size_t width = column_width(languages, line - number - cells);
  std::string text =
      "Confusion: rows are the true languages, columns the predicted ones, cells per cent of the row, · below 0.5.\n" +
      std::string(number + width, ' ');
  for (size_t k = 0; k < languages.size(); ++k) text += format("%3zu", k + 1);
  for (size_t i = 0; i < languages.size(); ++i) {
    text += format("\n%2zu ", i + 1) + fit(languages[i], width);
    for (size_t k = 0; k < languages.size(); ++k) {
      const long share = row_percent(confusion, i, k);
      const std::string shaded = shade(static_cast<double>(share) / 100) + format("%2ld", share);
      text += confusion(i, k) == 0 ? "   " : share == 0 ? "  ·" : share == 100 ? "100" : shaded;
    }
  }
  return text + '\n';
}

// Returns a line for each of the worst confusions, which are those with the largest share of a language's names.
Strings worst_confusions(const Confusion& confusion, const Strings& languages, size_t most) {
  Strings lines, worst;
  std::vector<double> shares;
  for (size_t i = 0; i < languages.size(); ++i)
    for (size_t k = 0; k < languages.size(); ++k) {
      if (i == k || confusion(i, k) == 0) continue;
      const std::string figures = format(": %ld%% (%zu of ", row_percent(confusion, i, k), confusion(i, k));
      lines.push_back(visible(languages[i] + " taken for " + languages[k]) + figures +
                      counted(confusion.support(i), "name") + ")");
      shares.push_back(ratio(confusion(i, k), confusion.support(i)));
    }
  for (const size_t k : ranking(shares, most)) worst.push_back(lines[k]);
  return worst;
}

// ---- 5. Picture -----------------------------------------------------------------------------------------------------

// What is known of an epoch when it has ended. It becomes a line of history.csv and a line on the terminal.
struct EpochRecord {
  double learning_rate, seconds;
  Score training, validation;

  // Epochs are judged by the validation loss, or by the training loss where no name is for validation.
  double selection() const { return (validation.names > 0 ? validation : training).mean_cross_entropy(); }
};

// Returns the epoch whose model is kept, counted from 1: the first of the best ones.
size_t kept_epoch(const std::vector<EpochRecord>& history) {
  const auto best = std::ranges::min_element(history, {}, &EpochRecord::selection);
  return static_cast<size_t>(best - history.begin()) + 1;
}

struct Svg {
  std::string body;

  void text(double x, double y, const std::string& attributes, const std::string& content) {
    body += format("<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, attributes.c_str());
    for (const char c : visible(content)) body += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
    body += "</text>\n";
  }
  void box(double x, double y, double width, double height, const std::string& attributes) {
    body += format("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" %s/>\n", x, y, width, height,
                   attributes.c_str());
  }
};

// Returns the step between ticks: the least of 1, 2 and 5 times a power of ten with which `most` steps reach `highest`.
double tick_step(double highest, double most) {
  const double ten = std::pow(10, std::floor(std::log10(highest / most)));
  for (const double digit : {1, 2, 5})
    if (digit * ten * most >= highest) return digit * ten;
  return 10 * ten;
}

// Draws the losses by epoch. Epoch k of n stands in the middle of the k-th of n columns.
void draw_losses(Svg& svg, const std::vector<EpochRecord>& history, size_t kept, double left, double top) {
  constexpr double width = 420, height = 300;
  const size_t epochs = history.size();
  double highest = 0.1;  // fmax passes over the loss of no names, which is not a number
  for (const EpochRecord& epoch : history)
    for (const Score& score : {epoch.training, epoch.validation})
      highest = std::fmax(highest, score.mean_cross_entropy());
  const double step = tick_step(highest, 7), steps = std::ceil(highest / step);
  const auto x_of = [&](size_t epoch) { return left + width * (as_double(epoch) - 0.5) / as_double(epochs); };
  const auto y_of = [&](double loss) { return top + height * (1 - loss / (steps * step)); };
  svg.text(left - 40, top - 14, "", "loss (nats per name)");
  for (double k = 0; k <= steps; ++k) {
    svg.box(left, y_of(k * step), width, 1, k == 0 ? "" : "fill=\"#ddd\"");
    svg.text(left - 8, y_of(k * step) + 4, "text-anchor=\"end\"", format("%g", k * step));
  }
  const auto every = static_cast<size_t>(std::max(1.0, tick_step(as_double(epochs), 10)));
  for (size_t epoch = every; epoch <= epochs; epoch += every)
    svg.text(x_of(epoch), top + height + 20, "text-anchor=\"middle\"", std::to_string(epoch));
  svg.text(left + width / 2, top + height + 42, "text-anchor=\"middle\"", "epoch");
  svg.box(x_of(kept) - 0.5, top, 1, height, "fill=\"#777\"");
  svg.text(x_of(kept), top - 5, "text-anchor=\"middle\"", "kept");
  for (const bool validation : {false, true}) {
    const std::string colour = validation ? "\"#d9622b\"" : "\"#1f6fb4\"";
    std::string points;
    for (size_t k = 1; k <= epochs; ++k) {
      const Score& score = validation ? history[k - 1].validation : history[k - 1].training;
      if (score.names == 0) return;
      const double x = x_of(k), y = y_of(score.mean_cross_entropy());
      points += format("%.1f,%.1f ", x, y);
      if (epochs <= 30) svg.box(x - 3, y - 3, 6, 6, "rx=\"3\" fill=" + colour);
    }
    svg.body += "<polyline points=\"" + points + "\" fill=\"none\" stroke-width=\"2\" stroke=" + colour + "/>\n";
    const double legend = left + (validation ? 220 : 90);
    svg.box(legend, top + height + 66, 14, 4, "fill=" + colour);
    svg.text(legend + 20, top + height + 72, "", validation ? "validation" : "training");
  }
}

// Draws a row for each true language and a column for each predicted one.
void draw_confusion(Svg& svg, const Confusion& confusion, const Strings& labels, double left, double top, double cell) {
  for (size_t i = 0; i < labels.size(); ++i) {
    const double y = top + as_double(i) * cell, label = left + as_double(i) * cell + 13;
    svg.text(left - 6, y + 13, "text-anchor=\"end\"", labels[i]);
    svg.text(label, top - 6, format("transform=\"rotate(-90 %.1f %.1f)\"", label, top - 6), labels[i]);
    for (size_t k = 0; k < labels.size(); ++k) {
      if (confusion(i, k) == 0) continue;
      const long share = row_percent(confusion, i, k);
      const double x = left + as_double(k) * cell, opacity = static_cast<double>(6 + 94 * share / 100) / 100;
      svg.box(x, y, cell, cell, format("fill=\"#1f6fb4\" fill-opacity=\"%.2f\"", opacity));
      svg.text(x + cell / 2, y + 12,
               format("font-size=\"9\" text-anchor=\"middle\"%s", share > 45 ? " fill=\"#fff\"" : ""),
               share == 0 ? "·" : std::to_string(share));
    }
  }
  const double size = cell * as_double(labels.size());
  svg.box(left, top, size, size, "fill=\"none\" stroke=\"#999\"");
}

// Draws report.svg: on the left the losses and below them the worst confusions, on the right the confusion matrix, and
// at the foot the options. The page is as large as that needs, if letters are about as wide as usual.
std::string draw_picture(const std::vector<EpochRecord>& history, const Evaluation& test, const Model& kept) {
  constexpr double left = 20, top = 85, line = 18, list_top = 490, middle = 530, cell = 18, letter = 8;
  const size_t width = column_width(kept.languages, 20);
  Strings labels;
  for (const std::string& name : kept.languages) labels.push_back(fit(name, std::min(width, letters_in(name))));
  const double matrix_left = middle + letter * as_double(width), matrix_top = top + letter * as_double(width);
  const double right = matrix_left + cell * as_double(labels.size()),
               bottom = matrix_top + cell * as_double(labels.size());
  const auto room = static_cast<size_t>(std::max(10.0, (bottom - list_top) / line));
  const Strings worst = worst_confusions(test.confusion, labels, room);
  const double foot = 50 + std::max(bottom, list_top + line * as_double(worst.size()));
  Svg svg;
  svg.body = format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" font-family=\"sans-serif\" "
      "font-size=\"12\" fill=\"#222\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
      30 + std::max({right, middle + 380, left + 5 * as_double(kept.options.size())}), foot + 16);
  svg.text(left, 34, "font-size=\"17\" font-weight=\"bold\"", test_line(test, "test"));
  svg.text(left, 52, "font-size=\"11\"", left_out(test.confusion, kept.languages));
  draw_losses(svg, history, kept.epoch, left + 40, top);
  svg.text(left, list_top, "", worst.empty() ? "no confusions" : "worst confusions");
  for (size_t k = 0; k < worst.size(); ++k)
    svg.text(left, list_top + line * as_double(k + 1), "font-size=\"11\"", worst[k]);
  svg.text(middle, top - 14, "", "confusion: rows true, columns predicted, % of the row, · below 0.5");
  draw_confusion(svg, test.confusion, labels, matrix_left, matrix_top, cell);
  svg.text(left, foot, "font-size=\"10\" fill=\"#777\"", kept.options);
  return svg.body + "</svg>\n";
}

// ---- 6. Options -----------------------------------------------------------------------------------------------------

// What the command line asks for. The values here and in Settings are the defaults.
struct Options {
  std::string mode = "train", data_dir = "data/", model_path = "models/rnn.txt", model_dir = "models";
  std::string part = "test", list = "none", program;  // the program as it was called
  Settings settings;
  size_t threads = std::max(1u, std::thread::hardware_concurrency());
  std::optional<size_t> top;  // if not given: 3 languages, 1 in the filter
  bool plain = false;
  Strings names;
};

// A value that an option sets. Where the range is empty, the option takes no value.
struct Value {
  std::string kind, range;                      // what is allowed, such as "a whole number, " and "1 to 4096"
  std::string initial;                          // the default, or what a given Settings has
  std::function<bool(const std::string&)> set;  // sets it to what a word says; false if that is not allowed
};

// A row of the table of options. An option that names no mode is read by all of them.
struct Option {
  std::string name, modes, help;
  Value value;
};

Strings words_of(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), {}};
}

bool has_word(const std::string& text, const std::string& word) { return std::ranges::count(words_of(text), word) > 0; }

// The kinds of values. Each is bound to the member of Options or Settings that it sets.
Value any_text(std::string& member, const std::string& range) {
  return {"", range, member, [&member](const std::string& word) { return !(member = word).empty(); }};
}
Value choice(std::string& member, const std::string& range) {
  return {"one of: ", range, member, [=, &member](const std::string& word) { return has_word(range, member = word); }};
}
Value choice(bool& member, const std::string& yes, const std::string& no) {
  return {"one of: ", yes + ' ' + no, member ? yes : no,
          [=, &member](const std::string& word) { return (member = word == yes) || word == no; }};
}
Value flag(bool& member) {
  return {"alone, without a value", "", "", [&member](const std::string& word) { return member = word.empty(); }};
}
Value integer(auto& member, std::uint64_t lowest, std::uint64_t highest, const std::string& initial) {
  const auto set = [=, &member](const std::string& word) {
    const std::uint64_t number = std::strtoull(word.c_str(), nullptr, 10);
    member = number;
    return decimal(number) == word && number >= lowest && number <= highest;
  };
  return {"a whole number, ", decimal(lowest) + " to " + decimal(highest), initial, set};
}
Value integer(auto& member, std::uint64_t lowest, std::uint64_t highest) {
  return integer(member, lowest, highest, decimal(member));
}
// The network computes with floats, so a value must be in range after rounding too.
Value real(double& member, double lowest, double highest, const std::string& range) {
  const auto set = [=, &member](const std::string& word) {
    char* end = nullptr;
    member = std::strtod(word.c_str(), &end);
    const float rounded = static_cast<float>(member);
    return !word.empty() && word.find_first_not_of("0123456789+-.eE") == word.npos && *end == '\0' &&
           std::min<double>(member, rounded) >= lowest && std::max<double>(member, rounded) <= highest;
  };
  return {"a number, rounded to float, ", range, decimal(member), set};
}

// These options make a model; its file has them in this order.
std::vector<Option> settings_table(Settings& s) {
  constexpr double least = std::numeric_limits<float>::denorm_min(), most = std::numeric_limits<float>::max();
  constexpr std::uint64_t any = std::numeric_limits<std::uint64_t>::max();
  return {
      {"--hidden_dim", "train", "hidden units", integer(s.hidden, 1, most_hidden)},
      {"--epochs", "train", "passes over the names", integer(s.epochs, 1, 1000000)},
      {"--batch_size", "train", "names a step", integer(s.batch_size, 1, 1000000)},
      {"--learning_rate", "train", "a step's size", real(s.learning_rate, least, most, "above 0 to 3e38")},
      {"--clip_norm", "train", "longest gradient", real(s.clip_norm, least, most, "above 0 to 3e38")},
      {"--momentum", "train", "share of last step", real(s.momentum, 0, 0x1.fffffep-1, "0 to below 1")},
      {"--prefix_weight", "train", "weight of earlier steps", real(s.prefix_weight, 0, 1, "0 to 1")},
      {"--decay", "train", "of the learning rate", choice(s.linear_decay, "linear", "none")},
      {"--seed", "", "random numbers", integer(s.seed, 0, any)},
      {"--split_seed", "train explore", "of the parts", integer(s.split_seed, 0, any)},
  };
}

const std::string all_modes = "train test predict trace explore";
const std::string all_parts = "training validation test all";  // in the order of enum Part

// The one table of options: parsing, checking, --help and the options of a model all read it. Each row sets a member
// of `o`.
std::vector<Option> option_table(Options& o) {
  std::vector<Option> table = {
      {"--mode", "", "task", choice(o.mode, all_modes)},
      {"--plain", "", "compute as part 1 of rnn.hpp does", flag(o.plain)},
      {"--threads", "", "threads", integer(o.threads, 1, 1024, "all cores")},
      {"--data_dir", "train test explore", "names, or as argument", any_text(o.data_dir, "a folder")},
      {"--model_path", "test predict trace", "the model to use", any_text(o.model_path, "a file")},
      {"--part", "test", "which names", choice(o.part, all_parts)},
      {"--list", "test", "names to print", choice(o.list, "none wrong all")},
      {"--top", "predict", "languages to show", integer(o.top, 1, 1000000, "3; 1 in the filter")},
      {"--model_dir", "train", "where training writes", any_text(o.model_dir, "a folder")},
  };
  std::ranges::move(settings_table(o.settings), std::back_inserter(table));
  return table;
}

// Returns settings as the command line takes them. `./rnn DATA_DIR` with these makes the same model again.
std::string options_line(Settings settings) {
  std::string line;
  for (const Option& option : settings_table(settings))
    line += (line.empty() ? "" : " ") + option.name + ' ' + option.value.initial;
  return line;
}

std::string help() {
  Options defaults;
  const std::vector<Option> table = option_table(defaults);
  std::string text =
      "rnn learns which language a name comes from, letter by letter.\n\n"
      "usage: ./rnn [--mode MODE] [options] [DATA_DIR | NAME...]\n\n"
      "  ./rnn data/                              train on a folder, test, save models\n"
      "  ./rnn --mode test data/                  tables of a saved model\n"
      "  ./rnn --mode predict Rodrigo Rodrigues   the most probable languages of names\n"
      "  ./rnn --mode predict <names.txt          a filter: name, language, probability\n"
      "  ./rnn --mode trace Rodrigues             what it believes at each letter\n"
      "  ./rnn --mode explore data/               describe the data\n\n"
      "  option           default             meaning: range\n"
      "  --help, -h                           this text\n";
  std::string group;  // the modes that read the rows, of which the first need no heading
  for (const auto& [name, modes, meaning, value] : table) {
    if (modes != std::exchange(group, modes)) text += "Read by " + (group.empty() ? "every mode" : group) + ":\n";
    text += "  " + fit(name, 17) + fit(value.initial, 20) + meaning + (value.range.empty() ? "" : ": ") + value.range +
            '\n';
  }
  return text + "Exit status: 0 done, 1 failed, 2 wrong command line.\n";
}

bool takes_names(const std::string& mode) { return mode == "predict" || mode == "trace"; }

// Refuses an option that the mode does not read.
void check_option(const std::vector<Option>& table, const std::string& mode, const std::string& name) {
  std::string known;
  for (const Option& option : table)
    if (option.modes.empty() || has_word(option.modes, mode)) known += ' ' + option.name;
  if (has_word(known, name)) return;
  const char* const hint = takes_names(mode) ? "; a name that begins with - stands after --" : "";
  throw Failure{"mode " + mode + " has no option " + name + "; it takes" + known + hint, 2};
}

// Sets the options that the words give, and returns their names. All other words are arguments.
Strings set_options(std::span<const std::string> words, const std::vector<Option>& table, Strings& arguments) {
  Strings names;
  for (auto word = words.begin(); word != words.end(); ++word) {
    if (!word->starts_with("-") || *word == "-") {
      arguments.push_back(*word);
      continue;
    }
    const size_t equals = std::min(word->find('='), word->size());
    std::string name = word->substr(0, equals), value = word->substr(std::min(equals + 1, word->size()));
    if (name.starts_with("--")) std::replace(name.begin() + 2, name.end(), '-', '_');
    names.push_back(name);
    const auto option = std::ranges::find(table, name, &Option::name);
    if (option == table.end()) continue;
    const bool takes_value = !option->value.range.empty();
    if (equals == word->size() && takes_value && word + 1 != words.end()) value = *++word;
    if (!option->value.set(value))
      throw Failure{name + " " + value + ": should be " + option->value.kind + option->value.range, 2};
    if (name == "--data_dir") arguments.push_back(value);
  }
  return names;
}

// A path is refused where names are expected, since it is hardly meant as a name.
void check_names(const Strings& names) {
  for (const std::string& name : names)
    if (std::error_code ignored; name == "-" || fs::exists(name, ignored))
      throw Failure{name + ": a path, and no name; names are read from standard input: --mode predict <FILE", 2};
}

// A second folder is refused, and so is a mode in the place of a folder.
void check_folders(const Strings& folders) {
  for (const std::string& word : folders)
    if (std::error_code ignored; has_word("help " + all_modes, word) && !fs::exists(word, ignored))
      throw Failure{"one folder, please; write " + (word == "help" ? "--help" : "--mode " + word), 2};
  if (folders.size() > 1)
    throw Failure{"one folder, please: " + folders[0] + " or " + folders[1] + "; for names, --mode predict", 2};
}

// What follows `--` is always a name.
Options parse_command_line(const Strings& words, const std::string& program = "./rnn") {
  Options options;
  options.program = program;
  const std::vector<Option> table = option_table(options);
  const auto end = std::ranges::find(words, "--");
  Strings arguments;
  for (const std::string& name : set_options({words.begin(), end}, table, arguments))
    check_option(table, options.mode, name);
  if (takes_names(options.mode)) check_names(arguments);
  if (end != words.end()) arguments.insert(arguments.end(), end + 1, words.end());
  if (takes_names(options.mode)) {
    options.names = arguments;
  } else if (!arguments.empty()) {
    check_folders(arguments);
    options.data_dir = arguments[0];
  }
  return options;
}

// ---- 7. Training ----------------------------------------------------------------------------------------------------

// A bar on standard error that grows by appending. It begins when an epoch has lasted two seconds.
struct ProgressBar {
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  std::FILE* file = stderr;
  size_t drawn = 0;

  void operator()(size_t done, size_t all) {
    if (std::chrono::steady_clock::now() - start < std::chrono::seconds(2)) return;
    for (; drawn < 50 * done / all; ++drawn) std::fputs("█", file);
  }
  ~ProgressBar() {
    if (drawn > 0) std::fputc('\n', file);
  }
};

const std::string history_head = "epoch,learning_rate,loss,accuracy,validation_loss,validation_accuracy,seconds\n";
std::string history_line(size_t number, const EpochRecord& epoch) {
  const auto figures = [](const Score& score) {
    return score.names == 0 ? "," : format("%.6f,%.4f", score.mean_cross_entropy(), score.accuracy());
  };
  return format("%zu,%.9g,", number, epoch.learning_rate) + figures(epoch.training) + ',' + figures(epoch.validation) +
         format(",%.6f\n", epoch.seconds);
}

void append_line(const fs::path& path, const std::string& line) {
  std::ofstream file(path, std::ios::binary | std::ios::app);
  file << line << std::flush;
  if (!file) throw Failure{path.string() + ": " + last_error().message()};
}

std::string epoch_line(size_t number, size_t epochs, const EpochRecord& epoch) {
  const Score& v = epoch.validation;
  const std::string validation = v.names == 0 ? "–" : format("%.2f, %.1f%%", v.mean_cross_entropy(), v.accuracy());
  return format("Epoch %zu/%zu — Loss: %.2f — Accuracy: %.1f%% — Validation: %s — %.2f s\n", number, epochs,
                epoch.training.mean_cross_entropy(), epoch.training.accuracy(), validation.c_str(), epoch.seconds);
}

// Tells whether a file's name consists of a beginning, one or more digits, and an end.
bool is_numbered(const fs::path& file, std::string_view beginning, std::string_view digits, std::string_view end) {
  const std::string name = file.filename().string();
  return name.size() > beginning.size() + end.size() && name.starts_with(beginning) && name.ends_with(end) &&
         name.find_first_not_of(digits, beginning.size()) == name.size() - end.size();
}
bool is_of_run(const fs::path& file) {
  return is_numbered(file, "rnn_epoch", "0123456789", ".txt") ||
         has_word("rnn.txt history.csv report.svg", file.filename().string());
}
bool is_temporary(const fs::path& file) {
  return is_numbered(file, "rnn.", "0123456789abcdef", ".tmp") && file.filename().string().size() == 24;
}

// Makes the folder, or refuses it before time is spent on training. Temporary files that are older than an hour are
// removed, since killed runs have left them.
void prepare_folder(const fs::path& folder) {
  static const std::string advice = "; name another folder with --model_dir";
  std::error_code error, ignored;
  fs::create_directories(folder, error);
  if (error && fs::is_symlink(folder, ignored) && !fs::exists(folder, ignored))
    throw Failure{folder.string() + ": a link to nothing" + advice};
  if (error) throw Failure{folder.string() + ": " + error.message() + advice};
  for (const fs::path& entry : entries_of(folder, advice)) {
    const fs::file_status status = fs::symlink_status(entry, ignored);
    if (fs::is_directory(status) && is_of_run(entry))
      throw Failure{entry.string() + ": a folder, where a file is written"};
    if (fs::is_regular_file(status) && is_temporary(entry) &&
        fs::file_time_type::clock::now() - fs::last_write_time(entry, ignored) > std::chrono::hours(1))
      fs::remove(entry, ignored);
  }
  NewFile{folder / "rnn.txt"}.write("");  // so that a folder which takes no files is noticed now
}

// Puts the files of a run's first epoch in the place of an earlier run's. A run may be killed between any two of these
// steps: the folder then holds files of one run only, and an rnn.txt if it held one before.
void replace_run(const fs::path& folder, const std::string& model, const std::string& history) {
  const NewFile best{folder / "rnn.txt"}, epoch{folder / "rnn_epoch1.txt"}, csv{folder / "history.csv"};
  best.write(model);
  epoch.write(model);
  csv.write(history);
  std::error_code error;
  for (const fs::path& file : entries_of(folder, "")) {
    if (is_of_run(file) && file.filename() != "rnn.txt") fs::remove(file, error);
    if (error) throw Failure{file.string() + ": " + error.message()};
  }
  best.put_in_place();
  epoch.put_in_place();
  csv.put_in_place();
}

// Refuses to add to a history that is not as this run left it: another run has put its own files in their place.
void check_history(const fs::path& path, const std::string& written) {
  std::ifstream file(path, std::ios::binary);
  if (std::string(std::istreambuf_iterator<char>(file), {}) != written)
    throw Failure{path.string() + ": another run has changed it, so this run ends; give each its own --model_dir"};
}

// Returns a model with the languages and the letters of the training names. It is not yet trained.
Model new_model(const Data& data, const std::string& folder, const Settings& settings) {
  if (data.languages.size() < 2)
    throw Failure{folder + ": one language alone, " + data.languages[0] + "; there is nothing to tell it from"};
  const auto in_training = [&](const Name& name) { return in_part(name, Part::training, settings.split_seed); };
  for (size_t k = 0; k < data.languages.size(); ++k)
    if (std::ranges::none_of(data.names[k].names, in_training))
      throw Failure{folder + ": " + data.languages[k] + " has no name to train on; add some, or change --split_seed"};
  return {.split_seed = settings.split_seed,
          .options = options_line(settings),
          .languages = data.languages,
          .alphabet = alphabet_of(data, settings.split_seed)};
}

// Estimates the memory that training takes, with names of at most `longest` symbols.
double gigabytes(const Settings& settings, size_t symbols, size_t languages, size_t longest) {
  const double hidden = as_double(settings.hidden), outputs = as_double(languages);
  const double rows = as_double(fast::slice_names * longest), shards = as_double(fast::shards_of(settings));
  // Each of these takes as many numbers as the parameters: the parameters and their velocity in part 1; in part 2 the
  // parameters, their transposed copies, velocity, gradient and one gradient a shard; the model that is written, its
  // text (16 bytes a number), the best model, and two copies of it to be tested.
  const double parameters = hidden * (as_double(symbols + 1 + languages) + hidden) * (2 + 4 + shards + 1 + 4 + 1 + 2);
  const double unrolled = shards * 3 * rows * (hidden + outputs),
               classified = as_double(fast::most_tasks) * rows * hidden;
  return 1e-9 * (sizeof(Real) * (parameters + unrolled + classified) + sizeof(size_t) * outputs * outputs);
}

// A first signal (Ctrl-C sends one) ends training after the mini-batch at hand. A second one ends the program at once.
std::atomic<bool> interrupted{false};
extern "C" void interrupt(int) {
  if (interrupted.exchange(true)) std::_Exit(130);
}
struct Interrupted {};  // thrown to leave an unfinished epoch
void catch_signals() {
  for (const int signal : {SIGINT, SIGTERM})
    if (std::signal(signal, interrupt) == SIG_IGN) std::signal(signal, SIG_IGN);
}

Failure diverged(size_t epoch) {
  return {"training diverged in epoch " + std::to_string(epoch + 1) + ": the loss, the gradient or a parameter " +
          "is no longer finite; lower --learning_rate or --clip_norm" +
          (epoch > 0 ? " (models of earlier epochs stay)" : "")};
}

// A training, and what it learns with: part 2 of rnn.hpp on the team's threads, or, with --plain, part 1.
struct Trainer {
  Training training;
  const Examples& examples;
  Team& team;
  std::optional<fast::Learner> learner = {};  // none with --plain
  Trainer(const Training& start, const Examples& its_examples, Team& its_team, bool plain)
      : training(start), examples(its_examples), team(its_team) {
    if (!plain) learner.emplace(training, examples);
  }

  // Learns from every name once. Epochs count from 0.
  Score learn_from_all(size_t epoch) {
    ProgressBar bar;
    Score score;
    size_t done = 0;  // of the names
    train_epoch(training, epoch, [&](std::span<const size_t> batch, Real rate) {
      const double norm = learner ? fast::learn(*learner, examples, batch, rate, team, score)
                                  : learn(training, examples, batch, rate, score);
      if (!std::isfinite(norm) || !std::isfinite(score.sum)) throw diverged(epoch);
      done += batch.size();
      bar(done, examples.size());
      if (interrupted && done < examples.size()) throw Interrupted{};
    });
    if (learner) training.parameters = learner->network.parameters.plain();
    for (const Listed& each : all_parameters)
      for (const Real number : (training.parameters.*each.matrix).numbers)
        if (!std::isfinite(number)) throw diverged(epoch);
    return score;
  }
};

// Trains for an epoch, which counts from 0, and measures the result.
EpochRecord run_epoch(Trainer& trainer, const Examples& validation, size_t epoch) {
  const Settings& settings = trainer.training.settings;
  const auto start = std::chrono::steady_clock::now();
  const Score score = trainer.learn_from_all(epoch);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const Classifier classify(trainer.training.parameters, trainer.team, !trainer.learner);
  const EpochRecord record{learning_rate(settings, epoch, settings.epochs), seconds.count(), score,
                           evaluate(classify, validation).score};
  if (!std::isfinite(record.selection())) throw diverged(epoch);
  return record;
}

// Quotes a word for a shell, if it needs that.
std::string shell_word(const std::string& word) {
  if (word.find_first_of(" \t\n!\"#$&'()*;<=>?[\\]^`{|}~") == word.npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

// Picks a name to try: the first that is for testing, or the first of all.
std::string name_to_try(const Data& data, std::uint64_t split_seed) {
  for (const NameList& list : data.names)
    for (const Name& name : list.names)
      if (in_part(name, Part::test, split_seed)) return name.text;
  return data.names[0].names[0].text;
}

// Says what was kept, where it is, and which command to try.
std::string last_lines(const std::vector<EpochRecord>& history, const Model& best, const Options& options,
                       const std::string& name) {
  const fs::path folder = options.model_dir;
  const std::string path = visible((folder / "rnn.txt").string()), report = visible((folder / "report.svg").string());
  const double chance = std::log(as_double(best.languages.size()));  // the loss of equal probabilities
  std::string text = format("Kept epoch %zu of %zu: ", static_cast<size_t>(best.epoch), options.settings.epochs) +
                     path + ", " + report + '\n';
  if (!(history[best.epoch - 1].selection() < chance))
    text += format("That is no better than knowing nothing (a loss of %.2f): lower --learning_rate.\n", chance);
  text += "Try: " + shell_word(visible(options.program)) + (options.plain ? " --plain" : "") + " --mode predict ";
  if (fs::path(path).lexically_normal() != Options().model_path) text += "--model_path " + shell_word(path) + ' ';
  return text + (name.starts_with('-') ? "-- " : "") + shell_word(name) + '\n';
}

// Trains epoch after epoch, writes the files of each and adds it to the history. Returns the model of the best epoch.
Model run_epochs(Trainer& trainer, Model model, const Examples& to_validate, const fs::path& folder,
                 std::vector<EpochRecord>& history) {
  const size_t epochs = trainer.training.settings.epochs;
  std::string written = history_head;  // what history.csv holds
  model.parameters = trainer.training.parameters;
  Model best = model;
  write_model(best);  // so that memory which is too small for writing is noticed now
  try {
    while (history.size() < epochs && !interrupted) {
      history.push_back(run_epoch(trainer, to_validate, history.size()));
      model.epoch = history.size();
      model.parameters = trainer.training.parameters;
      const std::string text = write_model(model), line = history_line(history.size(), history.back());
      const bool is_best = kept_epoch(history) == history.size();
      if (is_best) best = model;
      if (history.size() == 1) {
        replace_run(folder, text, written + line);
      } else {
        check_history(folder / "history.csv", written);
        write_file(folder / format("rnn_epoch%zu.txt", history.size()), text);
        if (is_best) write_file(folder / "rnn.txt", text);
        append_line(folder / "history.csv", line);
      }
      written += line;
      print(epoch_line(history.size(), epochs, history.back()));
    }
  } catch (const Interrupted&) {
  }
  if (history.empty()) throw Failure{format("interrupted in epoch 1 of %zu: nothing was changed", epochs), 130};
  if (history.size() < epochs) print(format("Interrupted in epoch %zu of %zu\n", history.size() + 1, epochs));
  return best;
}

void train(const Options& options) {
  const Settings& settings = options.settings;
  const fs::path folder = options.model_dir;
  const Data data = load_data(options.data_dir);
  const Model model = new_model(data, options.data_dir, settings);
  if (std::error_code ignored; fs::equivalent(options.data_dir, fs::weakly_canonical(folder, ignored), ignored))
    throw Failure{folder.string() + ": models can't stand among the names; name another folder with --model_dir"};
  const auto examples = [&](Part part) {
    return examples_of(data, part, settings.split_seed, model.alphabet, model.languages);
  };
  const auto to_train = examples(Part::training), to_validate = examples(Part::validation),
             to_test = examples(Part::test);
  const size_t symbols = model.alphabet.symbols(), languages = model.languages.size();
  const size_t most = std::max({fast::longest(to_train), fast::longest(to_validate), fast::longest(to_test)});
  if (const double memory = gigabytes(settings, symbols, languages, most); memory > 16)
    throw Failure{format("training would take %.0f GB of memory, and 16 are allowed; lower --hidden_dim", memory)};
  Team team(std::min(options.threads, fast::shards_of(settings)));
  Trainer trainer(start_training(settings, symbols, languages, to_train.size()), to_train, team, options.plain);
  prepare_folder(folder);
  catch_signals();
  print(counted(languages, "language") + (languages > 8 ? "" : " (" + visible(listed(data.languages, 8)) + ")") + ", " +
        counted(symbols - 1, "letter") + ", " + repeats_line(data) + counted(to_train.size(), "name") +
        format(" to train on, %zu to validate, %zu to test\n", to_validate.size(), to_test.size()));
  std::vector<EpochRecord> history;
  const Model best = run_epochs(trainer, model, to_validate, folder, history);
  const Evaluation test = evaluate(Classifier(best.parameters, team, options.plain), to_test);
  print(test_lines(test, "test", best.languages));
  write_file(folder / "report.svg", draw_picture(history, test, best));
  print(last_lines(history, best, options, name_to_try(data, settings.split_seed)));
  if (interrupted) throw Failure{"", 130};
}

// ---- 8. Test and predict --------------------------------------------------------------------------------------------

// A model's numbers are finite, but their products may overflow.
void check_finite(double number) {
  if (!std::isfinite(number)) throw Failure{"the model's numbers are too large to compute with"};
}

// Returns a line for each name of a part, or only for those with a wrong answer: name, language, answer, probability.
std::string list_lines(const Data& data, Part part, const Model& model, const Evaluation& result, bool only_wrong) {
  std::string text;
  size_t i = 0;  // the names come in the order of examples_of
  for (size_t k = 0; k < data.languages.size(); ++k)
    for (const Name& name : data.names[k].names) {
      if (!in_part(name, part, model.split_seed)) continue;
      const std::string &language = data.languages[k], &answer = model.languages[result.answers[i]];
      const std::string probability = decimal(result.probabilities[i++], std::chars_format::fixed, 6);
      if (answer == language && only_wrong) continue;
      text += name.text + '\t' + language + '\t' + answer + '\t' + probability + '\n';
    }
  return text;
}

std::string worst_lines(const Confusion& confusion, const Strings& languages) {
  std::string text = "Worst confusions:\n";
  const Strings worst = worst_confusions(confusion, languages, 10);
  for (const std::string& line : worst) text += "  " + line + '\n';
  return text + (worst.empty() ? "  none\n" : "");
}

void test(const Options& options) {
  const Model model = load_model(options.model_path);
  const Data data = load_data(options.data_dir);
  for (const std::string& language : data.languages)
    if (!std::ranges::binary_search(model.languages, language))
      throw Failure{options.data_dir + ": " + language + " is no language of the model " + options.model_path};
  const Strings parts = words_of(all_parts);
  const auto part = static_cast<Part>(std::ranges::find(parts, options.part) - parts.begin());
  const auto examples = examples_of(data, part, model.split_seed, model.alphabet, model.languages);
  Team team(std::min(options.threads, fast::most_tasks));
  const Evaluation result = evaluate(Classifier(model.parameters, team, options.plain), examples);
  check_finite(result.score.sum);
  size_t all = 0;
  for (const NameList& list : data.names) all += list.names.size();
  const std::string first = test_lines(result, options.part, model.languages);
  const std::string hint =
      format("These are the names of the %s part; --part all takes all %zu.\n", options.part.c_str(), all);
  const std::string last = examples.size() == all ? "" : hint;
  if (options.list == "none") {
    print(first + repeats_line(data) + '\n' + languages_table(result.confusion, model.languages) + '\n' +
          confusion_table(result.confusion, model.languages) + '\n' + worst_lines(result.confusion, model.languages) +
          last);
  } else {
    std::fputs((first + last).c_str(), stderr);
    print(list_lines(data, part, model, result, options.list == "wrong"));
  }
}

// Reads a name of the command line.
std::u32string parse_name(const std::string& name) {
  const std::string_view trimmed = trim(name);
  if (trimmed.empty()) throw Failure{"an empty name", 2};
  try {
    return decode_name(trimmed);
  } catch (const TextError& wrong) {
    throw Failure{message_of("`" + fit(name, std::min<size_t>(letters_in(name), 40)) + "`", wrong), 2};
  }
}

// Returns the letters that training never saw, each once.
std::u32string unseen_letters(const std::u32string& name, const std::vector<Symbol>& symbols) {
  std::u32string unseen;
  for (size_t t = 0; t < name.size(); ++t)
    if (symbols[t] == unknown && unseen.find(name[t]) == unseen.npos) unseen += name[t];
  return unseen;
}

// Tells whether training saw no letter of a name. The last symbol is the end of the name.
bool is_unknown(const std::vector<Symbol>& symbols) {
  return std::all_of(symbols.begin(), symbols.end() - 1, [](Symbol symbol) { return symbol == unknown; });
}

// Answers a name with its most probable languages and their bars.
std::string answer_lines(const std::string& name, const Model& model, Numbers y, size_t top) {
  const std::u32string letters = parse_name(name);
  const std::vector<Symbol> symbols = model.alphabet.encode(letters);
  std::string text = visible(name) + '\n';
  Strings unseen;
  for (const char32_t letter : unseen_letters(letters, symbols))
    unseen.push_back(letter_name(letter) + ' ' + visible(encode_utf8(letter)));
  if (!unseen.empty()) text += "  never seen in training: " + listed(unseen, unseen.size()) + '\n';
  if (is_unknown(symbols)) return text + "  no answer, since none of its letters is known\n";
  const size_t width = column_width(model.languages, std::string::npos);
  for (const size_t k : ranking(y, top))
    text += "  " + fit(model.languages[k], width) + format(" %5.1f%%  ", 100.0 * y[k]) + bar(y[k], 40) + '\n';
  return text;
}

// The filter writes a line for each line that it reads, in the same order.
struct Filter {
  const Model& model;
  const Classifier& classify;
  size_t top;                              // how many pairs of language and probability a line gets
  Strings lines = {};                      // lines that wait for their answers
  Examples examples = {};                  // those of the lines that are names
  std::vector<size_t> line_of = {};        // the line of each example
  std::map<char32_t, size_t> unseen = {};  // letters that training never saw, with their lines counted
  size_t lines_with_unseen = 0;
  size_t refused = 0;  // how many lines were no names

  // Takes a line less its '\n'. Its answer leaves out a byte order mark at its start and a '\r' at its end. If it is no
  // name, a message says why, and it has no answer. decode_name refuses a TAB within a name; one beside it would come
  // out as a field of the answer.
  void add(std::string_view line, size_t number) try {
    lines.emplace_back("?");
    check_length(line, longest_line, number);
    const std::string_view name = trim(line);
    if (line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.back() = line;
    if (name.empty()) return;
    const std::u32string letters = decode_name(name, number);
    if (line.find('\t') != line.npos) throw TextError("a TAB beside the name: one line holds one name", number);
    const std::vector<Symbol> symbols = model.alphabet.encode(letters);
    const std::u32string its_unseen = unseen_letters(letters, symbols);
    for (const char32_t letter : its_unseen) ++unseen[letter];
    lines_with_unseen += !its_unseen.empty();
    if (is_unknown(symbols)) return give_no_answer();
    examples.push_back({symbols, 0});
    line_of.push_back(lines.size() - 1);
  } catch (const TextError& wrong) {
    if (++refused <= 10) std::fprintf(stderr, "rnn: %s\n", message_of("standard input", wrong).c_str());
    const std::optional<std::u32string> letters = decode_utf8(lines.back());
    if (!letters || std::ranges::any_of(*letters, is_control)) lines.back() = "?";
    give_no_answer();
  }
  // Says in the last line that it has no answer.
  void give_no_answer() {
    for (size_t k = 0; k < std::min(top, model.languages.size()); ++k) lines.back() += "\t?\t0";
  }
  // Returns the lines that wait, with their answers.
  std::string answers() {
    classify(examples, [&](size_t i, Numbers, Numbers y) {
      check_finite(y[0]);
      std::string& line = lines[line_of[i]];
      for (const size_t k : ranking(y, top))
        line.append("\t").append(model.languages[k]).append("\t").append(decimal(y[k], std::chars_format::fixed, 6));
    });
    std::string text;
    for (const std::string& line : lines) text.append(line) += '\n';
    lines.clear();
    examples.clear();
    line_of.clear();
    return text;
  }
  // Says at the end how many lines were refused beyond the ten that were named, and which letters training never saw.
  std::string summary() const {
    std::string text = refused <= 10 ? "" : "rnn: standard input: " + counted(refused - 10, "more line") + " refused\n";
    if (unseen.empty()) return text;
    std::vector<double> counts;
    Strings letters, most_frequent_first;
    for (const auto& [letter, count] : unseen) {
      counts.push_back(as_double(count));
      letters.push_back(letter_name(letter) + format(" (%zu)", count));
    }
    for (const size_t k : ranking(counts, counts.size())) most_frequent_first.push_back(letters[k]);
    return text + "rnn: " + counted(lines_with_unseen, "line") + (lines_with_unseen == 1 ? " has" : " have") +
           " letters never seen in training: " + listed(most_frequent_first, 5) + '\n';
  }
};

// Answers are written when no more input waits, and after each 8192 lines. In a file more waits until its end. For a
// pipe or a terminal the stream's buffer tells. (That of libc++ never does, so each line of a pipe is answered alone.)
void predict_lines(Filter filter) {
  std::ios::sync_with_stdio(false);
  std::error_code ignored;
  const bool is_file = fs::is_regular_file("/dev/stdin", ignored);
  std::string line;
  for (size_t number = 1; next_line(std::cin, longest_line, line); ++number) {
    filter.add(line, number);
    if (filter.lines.size() == 1 << 13 || (!is_file && std::cin.rdbuf()->in_avail() <= 0)) print(filter.answers());
  }
  const std::error_code error = last_error();
  print(filter.answers());
  if (std::cin.bad()) throw Failure{"standard input: " + error.message()};
  std::fputs(filter.summary().c_str(), stderr);
  if (filter.refused > 0) throw Failure{""};
}

void predict(const Options& options) {
  const Model model = load_model(options.model_path);
  Team team(std::min(options.threads, fast::most_tasks));
  const Classifier classify(model.parameters, team, options.plain);
  if (options.names.empty()) return predict_lines({model, classify, options.top.value_or(1)});
  Examples examples;
  for (const std::string& name : options.names) examples.push_back({model.alphabet.encode(parse_name(name)), 0});
  Strings answers(examples.size());
  classify(examples, [&](size_t i, Numbers, Numbers y) {
    check_finite(y[0]);
    answers[i] = answer_lines(options.names[i], model, y, options.top.value_or(3));
  });
  for (size_t i = 0; i < answers.size(); ++i) print((i > 0 ? "\n" : "") + answers[i]);
}

// ---- 9. Trace and explore -------------------------------------------------------------------------------------------

double norm(const Vector& v) {
  double squares = 0;
  for (const Real number : v) squares += static_cast<double>(number) * static_cast<double>(number);
  return std::sqrt(squares);
}

// The probability of a language for the name without symbol t, which counts from 1.
double probability_without(size_t t, std::vector<Symbol> symbols, const Model& model, size_t language) {
  symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(t - 1));
  return static_cast<double>(forward(model.parameters, symbols).back().y[language]);
}

// What trace shows of one name: each time step of part 1 of rnn.hpp, forward and then backward from the loss of the
// prediction alone, as if it were right.
struct Trace {
  std::vector<Symbol> symbols;
  std::vector<Step> steps;
  size_t answer;  // the most probable language
};
Trace follow(const Model& model, const std::u32string& name) {
  const Parameters& p = model.parameters;
  const std::vector<Symbol> symbols = model.alphabet.encode(name);
  std::vector<Step> steps = forward(p, symbols);
  const size_t answer = most_probable(steps.back().y);
  Parameters gradient = zero_parameters(p.symbols, p.hidden, p.languages);
  backward(p, symbols, answer, 0, steps, gradient);
  return {symbols, steps, answer};
}

// A line for each time step.
std::string trace_table(const Trace& trace, const std::u32string& name, const Model& model) {
  const size_t width = column_width(model.languages, 10), top = std::min<size_t>(3, model.languages.size());
  std::string text = std::string(3 + top * (width + 4), ' ') + " bits |dL/da| without  hidden\n";
  for (size_t t = 1; t < trace.steps.size(); ++t) {
    const Step& step = trace.steps[t];
    const bool is_end = t == trace.symbols.size();
    check_finite(step.y[0]);
    double entropy = 0;
    for (const Real p : step.y) entropy -= p > 0 ? p * std::log2(p) : 0;
    text += is_end ? "$" : visible(encode_utf8(name[t - 1]));
    text += trace.symbols[t - 1] == unknown ? "? " : "  ";
    for (const size_t k : ranking(Numbers(step.y), top))
      text += fit(model.languages[k], width) + format("%3.0f ", 100.0 * step.y[k]);
    text += format("%5.2f %7.2g ", entropy, norm(step.d_a));
    text += is_end ? "       " : format("%6.0f%%", 100 * probability_without(t, trace.symbols, model, trace.answer));
    text += "  ";
    for (size_t j = 0; j < std::min<size_t>(12, step.h.size()); ++j) text += shade((step.h[j] + 1) / 2);
    text += '\n';
  }
  return text;
}

void trace(const Options& options) {
  if (options.names.size() != 1) throw Failure{"trace follows one name: ./rnn --mode trace Rodrigues", 2};
  const Model model = load_model(options.model_path);
  const std::u32string name = parse_name(options.names[0]);
  const Trace trace = follow(model, name);
  const std::string answer = " The answer is " + visible(model.languages[trace.answer]) + '.';
  const std::string no_answer = "\nThere is no answer, since none of its letters is known.";
  const std::string table = trace_table(trace, name, model);
  const size_t hidden = model.parameters.hidden;
  print(
      "Beside each letter, once it is read: the most probable languages in per cent;\n"
      "their entropy in bits; |dL/da|, the norm of a gradient of the answer's loss;\n"
      "without: the answer's probability if that letter is left out; " +
      format("%zu of %zu\nhidden units, from -1 (blank) to 1 (full).", std::min<size_t>(12, hidden), hidden) +
      (is_unknown(trace.symbols) ? no_answer : answer) + "\n\n" + table +
      "\n$: the end of the name; ?: a letter that training never saw.\n");
}

// Counts names, their letters, and their endings of 2 to 4 letters, all folded.
struct Count {
  size_t names = 0, letters = 0, longest = 0;
  std::map<std::u32string, size_t> endings;
  void add(const std::u32string& name) {
    ++names;
    letters += name.size();
    longest = std::max(longest, name.size());
    for (size_t n = 2; n <= std::min<size_t>(4, name.size()); ++n) ++endings[name.substr(name.size() - n)];
  }
};

// Returns the three endings that are most typical of a language. These have the highest n log(p / q), where n counts
// the language's names with the ending, p is their share in the language, and q the share in all languages.
std::string typical_endings(const Count& count, const Count& all) {
  Strings endings;
  std::vector<double> scores;
  for (const auto& [ending, n] : count.endings) {
    endings.push_back(visible(folded(ending)));
    scores.push_back(as_double(n) * std::log(ratio(n, count.names) / ratio(all.endings.at(ending), all.names)));
  }
  std::string text;
  for (const size_t k : ranking(scores, 3)) text += " -" + endings[k];
  return text;
}

std::string explore_table(const Data& data) {
  Count all;
  std::vector<Count> counts(data.languages.size());
  size_t most = 0;
  for (size_t k = 0; k < counts.size(); ++k) {
    for (const Name& name : data.names[k].names) {
      std::u32string letters = decode_name(name.text);
      std::ranges::transform(letters, letters.begin(), fold);
      counts[k].add(letters);
      all.add(letters);
    }
    most = std::max(most, counts[k].names);
  }
  const size_t width = column_width(data.languages, 19);
  std::string text = fit("Language", width) + "  Names   Share              Mean  Longest Typical endings\n";
  for (size_t k = 0; k < counts.size(); ++k) {
    const auto& [names, letters, longest, endings] = counts[k];
    text += fit(data.languages[k], width) + format(" %6zu  %5.1f%%  ", names, 100 * ratio(names, all.names)) +
            fit(bar(ratio(names, most), 10), 10) + format(" %5.1f %8zu", ratio(letters, names), longest) +
            typical_endings(counts[k], all) + '\n';
  }
  return text;
}

// Counts the names that stand in several languages. Of each of these a classifier can get only one right.
std::string shared_names(const Data& data, std::uint64_t split_seed) {
  std::map<std::string, size_t> seen;  // folded names, with their languages counted
  size_t all = 0, several = 0, tested = 0, different = 0;
  for (const NameList& list : data.names)
    for (const Name& name : list.names) {
      const size_t languages = ++seen[folded(decode_name(name.text))];
      ++all;
      several += languages == 2;
      if (!in_part(name, Part::test, split_seed)) continue;
      ++tested;
      different += languages == 1;
    }
  const std::string text =
      counted(all, "name") + format(", %zu different ones, %zu of them in several languages.\n", seen.size(), several);
  if (tested == 0) return text;
  return text + format("So no classifier can be right on more than %.1f%% of the test names (--split_seed %s).\n",
                       100 * ratio(different, tested), decimal(split_seed).c_str());
}

void explore(const Options& options) {
  const Data data = load_data(options.data_dir);
  print(explore_table(data) + '\n' + shared_names(data, options.settings.split_seed) +
        "An ending is typical by n log(p / q): n names of the language have it, a share p,\n"
        "and a share q of all names.\n");
}

// ---- 10. Main -------------------------------------------------------------------------------------------------------

void run_mode(const Options& options) {
  static constexpr std::pair<const char*, void (*)(const Options&)> modes[] = {
      {"train", train}, {"test", test}, {"predict", predict}, {"trace", trace}, {"explore", explore}};
  for (const auto& [mode, run] : modes)
    if (options.mode == mode) run(options);
}

// A compiler that rearranges arithmetic need not say so by a macro (clang++ does not), and part 1 of rnn.hpp may have
// been changed. So a small network is computed at every start.
void check_arithmetic(bool plain) {
  volatile Real no_number = std::numeric_limits<Real>::quiet_NaN();
  if (!std::isnan(no_number)) throw Failure{"this build computes wrongly: build it without -ffast-math and its parts"};
  if (!plain && !fast::agrees_with_part_1())
    throw Failure{
        "part 1 of rnn.hpp no longer computes what part 2 does; if you have changed part 1, run it with --plain, "
        "else build without -ffast-math and its parts"};
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Strings words(argv + 1, argv + argc);
    const auto end = std::ranges::find(words, "--");
    check_arithmetic(std::find(words.begin(), end, "--plain") != end);
    if (std::find(words.begin(), end, "--help") != end || std::find(words.begin(), end, "-h") != end)
      print(help());
    else
      run_mode(parse_command_line(words, argv[0]));
    return 0;
  } catch (const Failure& failure) {
    if (!failure.what.empty()) std::fprintf(stderr, "rnn: %s\n", visible(failure.what).c_str());
    return failure.status;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "rnn: out of memory\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rnn: %s\n", visible(error.what()).c_str());
  }
  return 1;
}
