// rnn.cpp: the program around rnn.hpp. A port may do its own way what stands here: files, threads, printing, the
// picture, the command line.

// exp and tanh of rnn.hpp, and the checks for numbers that are not finite, need arithmetic as IEEE 754 has it.
#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \
    (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "build without -ffast-math, -Ofast and their parts (-ffinite-math-only, -funsafe-math-optimizations)"
#elif defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
#error "build with -msse2 -mfpmath=sse: x87 registers round in other places, and exp and tanh come out wrong"
#elif defined(__cpp_if_consteval) && defined(__clang_major__) && __clang_major__ == 14
#error "build with -std=c++20: in later standards clang++ 14 does not align what a std::vector holds"
#endif

#include "rnn.hpp"
#include <atomic>
#include <cctype>
#include <cerrno>
#include <chrono>
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
#include <regex>
#include <sstream>
#include <system_error>
#include <thread>

namespace {

using namespace rnn;
namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

// Ends the program with a sentence on standard error, none if it is empty, and a status: 1 it failed, 2 the command
// line is wrong.
struct Failure {
  std::string what;
  int status = 1;
};

// ---- 1. Text --------------------------------------------------------------------------------------------------------

// printf into a string. (A C variadic function, so that the compiler holds the pattern against the values.)
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

// "1 name", "2 names".
std::string counted(size_t count, const char* thing) { return format("%zu %s%s", count, thing, count == 1 ? "" : "s"); }

// The shortest decimal that reads back to the same number, or another that std::to_chars has.
std::string decimal(auto number, auto... form) {
  char digits[32];
  return {digits, std::to_chars(digits, std::end(digits), number, form...).ptr};
}

// ASCII control characters, which could break a line or move a terminal's cursor, become `?`.
std::string visible(std::string text) {
  for (char& byte : text) byte = std::iscntrl(static_cast<unsigned char>(byte)) ? '?' : byte;
  return text;
}
size_t letters_in(const std::string& text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char byte) { return (byte & 0xc0) != 0x80; }));
}

// UTF-8 text in a column of so many letters: filled with blanks, on its left for a number, or cut, which … shows.
std::string fit(std::string text, size_t width, bool number = false) {
  text = visible(std::move(text));
  if (letters_in(text) > width) {
    while (letters_in(text) >= width) text.pop_back();
    text += "…";
  }
  const std::string blanks(width - letters_in(text), ' ');
  return number ? blanks + text : text + blanks;
}

// The width of a column of languages: that of the longest, but at most so much.
size_t column_width(const Strings& languages, size_t most) {
  size_t longest = std::string_view("Language").size();
  for (const std::string& language : languages) longest = std::max(longest, letters_in(language));
  return std::min(longest, most);
}

double real(size_t count) { return static_cast<double>(count); }
double ratio(size_t part, size_t whole) { return real(part) / real(whole); }
std::string percent(double share) { return std::isnan(share) ? "–" : format("%.1f%%", 100 * share); }

// A share of 0 to 1 in one of five shades, and as a bar.
std::string shade(double share) {
  static const char* const shades[] = {" ", "░", "▒", "▓", "█"};
  return shades[static_cast<size_t>(std::clamp(share * 5, 0.0, 4.0))];
}
std::string bar(double share, size_t width) {
  std::string text;
  for (long left = std::lround(share * real(width)); left > 0; --left) text += "█";
  return text;
}

// ---- 2. Files -------------------------------------------------------------------------------------------------------

std::error_code last_error() { return {errno != 0 ? errno : EIO, std::generic_category()}; }

// Prints what must be seen now, and not when the program ends. A reader that is gone ends the program without a word.
void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  if (std::ferror(stdout)) throw Failure{errno == EPIPE ? "" : "standard output: " + last_error().message()};
}

// What is wrong with a text, and in which line.
std::string message_of(const std::string& text, const TextError& wrong) {
  return text + (wrong.line > 0 ? ":" + std::to_string(wrong.line) : "") + ": " + wrong.what();
}

inline constexpr size_t longest_line = 8 * longest_name, longest_model_line = 1 << 25;  // in bytes

// Takes the next line, less its '\n'. False at the end of the input, and if it can't be read. Of a line of more than
// `most` bytes it takes one more, since one without an end would take all memory; the next call passes over the rest.
// It asks the stream's buffer, since a get() for each byte is slow.
bool next_line(std::istream& input, size_t most, std::string& line) try {
  if (line.size() > most) input.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  line.clear();
  if (!input.good()) return false;
  int byte = 0;
  while (line.size() <= most && (byte = input.rdbuf()->sbumpc()) != EOF && byte != '\n')
    line += static_cast<char>(byte);
  if (byte == EOF) input.setstate(std::ios::eofbit);
  return byte != EOF || !line.empty();
} catch (const std::exception&) {  // the buffer's, where the system can't read
  input.setstate(std::ios::badbit);
  return false;
}
void check_length(std::string_view line, size_t most, size_t number) {
  if (line.size() > most) throw TextError("a line of more than " + std::to_string(most) + " bytes", number);
}

// What `parse` makes of the text of a file.
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

// Replaces a file in one step: a reader, or a run that is killed, finds the old file or the new one and never a part.
// It is written as FILE.<16 hexadecimal digits>.tmp first, at random, so that no two runs write one file.
void write_file(const fs::path& path, std::string_view text) {
  std::random_device random;
  const fs::path temporary = path.string() + format(".%08x%08x.tmp", random(), random());
  std::error_code error, ignored;
  std::ofstream file(temporary, std::ios::binary);
  file << text;
  file.close();
  if (!file) error = last_error();
  if (!error) fs::rename(temporary, path, error);
  if (!error) return;
  fs::remove(temporary, ignored);
  throw Failure{path.string() + ": " + error.message()};
}

// The names of a folder.
Data load_data(const std::string& folder) {
  std::error_code error;
  std::map<std::string, fs::path> files;  // by language
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() != ".txt" || entry->path().filename().string().starts_with('.')) continue;
    const auto [file, is_new] = files.emplace(language_of(entry->path().stem().string()), entry->path());
    if (!is_new) throw Failure{entry->path().string() + ": the same language as " + file->second.string()};
  }
  if (error) throw Failure{folder + ": " + error.message() + "; name a folder of names, or a name with --mode predict"};
  if (files.empty()) throw Failure{folder + ": no *.txt in it; it needs a file such as Polish.txt for each language"};
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

// team(count, f) calls f(0) ... f(count - 1) on the team's threads, thread k those that are k modulo the team's size,
// and returns when all are done. A step of training calls it three times in 0.1 ms, and waking a sleeping thread would
// take much of that: so a thread that waits spins for a while, then makes way for others, and sleeps only when nothing
// comes.
class Team {
 public:
  explicit Team(size_t threads) {
    try {
      for (; size < threads; ++size) helpers.emplace_back([this, k = size] { help(k); });
    } catch (const std::system_error&) {  // the system has no more threads: those that started will do
    }
  }
  ~Team() {
    task = nullptr;
    start.fetch_add(1);
    start.notify_all();
    for (std::thread& helper : helpers) helper.join();
  }
  void operator()(size_t count, auto&& f) {
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
  alignas(64) std::atomic<size_t> start{0};  // each on a cache line of its own
  alignas(64) std::atomic<size_t> busy{0};
  alignas(64) size_t tasks = 0;
  std::function<void(size_t)> task;
  std::atomic_flag failing{};
  std::exception_ptr failure;
};

// ---- 4. Evaluation and its tables -----------------------------------------------------------------------------------

struct Evaluation {
  Score score;
  Confusion confusion;
};

Evaluation evaluate(const Network& network, const Examples& examples, Team& team) {
  const size_t languages = network.parameters.languages;
  std::vector<Score> scores(examples.size());  // added up in order below, so that the sum is the same at any --threads
  std::vector<size_t> answers(examples.size());
  classify(network, examples, team, [&](size_t i, const Real* o, const Real* y) {
    scores[i].add(o, y, languages, examples[i].language);
    answers[i] = likeliest(y, languages);
  });
  Evaluation result{{}, Confusion(languages)};
  for (size_t i = 0; i < examples.size(); ++i) {
    result.score += scores[i];
    ++result.confusion(examples[i].language, answers[i]);
  }
  return result;
}

std::string test_line(const Evaluation& test, const std::string& part) {
  if (test.score.names == 0) return "Test — no name of the folder is in the " + part + " part";
  return format("Test — Loss: %.2f — Accuracy: %.1f%% — Macro F1: %.1f%% — ", test.score.mean_cross_entropy(),
                test.score.accuracy(), 100 * test.confusion.macro_f1()) +
         counted(test.score.names, "name") + (part == "test" ? "" : " (" + part + ")");
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

// The per cent of the names of language i that were taken for k.
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
      "Confusion: rows are the true languages, columns the predicted ones, cells per cent of the row.\n" +
      std::string(number + width, ' ');
  for (size_t k = 0; k < languages.size(); ++k) text += format("%3zu", k + 1);
  for (size_t i = 0; i < languages.size(); ++i) {
    text += format("\n%2zu ", i + 1) + fit(languages[i], width);
    for (size_t k = 0; k < languages.size(); ++k) {
      const long share = row_percent(confusion, i, k);
      const std::string shaded = shade(static_cast<double>(share) / 100) + format("%2ld", share);
      text += share == 0 ? "  ·" : share == 100 ? "100" : shaded;
    }
  }
  return text + '\n';
}

// A line each for the confusions that the largest share of a language's names fell to.
Strings worst_confusions(const Confusion& confusion, const Strings& languages, size_t most) {
  std::multimap<double, std::string, std::greater<>> lines;  // by that share
  for (size_t i = 0; i < languages.size(); ++i)
    for (size_t k = 0; k < languages.size(); ++k) {
      if (i == k || confusion(i, k) == 0) continue;
      const std::string figures = format(": %ld%% (%zu of ", row_percent(confusion, i, k), confusion(i, k));
      lines.emplace(
          ratio(confusion(i, k), confusion.support(i)),
          visible(languages[i] + " taken for " + languages[k]) + figures + counted(confusion.support(i), "name") + ")");
    }
  Strings worst;
  for (auto line = lines.begin(); line != lines.end() && worst.size() < most; ++line) worst.push_back(line->second);
  return worst;
}

// ---- 5. Picture -----------------------------------------------------------------------------------------------------

// What an epoch left: a line of history.csv and of the terminal.
struct EpochReport {
  double learning_rate, seconds;
  Score training, validation;

  // What it is judged by: the validation loss, or the training loss where no name is for validation.
  double selection() const { return (validation.names > 0 ? validation : training).mean_cross_entropy(); }
};

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

// The step between ticks: 1, 2 or 5 times a power of ten, the least with which at most so many steps reach `highest`.
double tick_step(double highest, double most) {
  const double ten = std::pow(10, std::floor(std::log10(highest / most)));
  for (const double digit : {1, 2, 5})
    if (digit * ten * most >= highest) return digit * ten;
  return 10 * ten;
}

// The losses by epoch. Epoch k of n stands in the middle of the k-th of n columns.
void draw_losses(Svg& svg, const std::vector<EpochReport>& history, size_t kept, double left, double top) {
  constexpr double width = 420, height = 300;
  const size_t epochs = history.size();
  double highest = 0.1;
  for (const EpochReport& epoch : history)
    for (const Score& score : {epoch.training, epoch.validation})
      highest = std::fmax(highest, score.mean_cross_entropy());  // passes over that of no names, not a number
  const double step = tick_step(highest, 7), steps = std::ceil(highest / step);
  const auto x_of = [&](size_t epoch) { return left + width * (real(epoch) - 0.5) / real(epochs); };
  const auto y_of = [&](double loss) { return top + height * (1 - loss / (steps * step)); };
  svg.text(left - 40, top - 14, "", "loss (nats per name)");
  for (double k = 0; k <= steps; ++k) {
    svg.box(left, y_of(k * step), width, 1, k == 0 ? "" : "fill=\"#ddd\"");
    svg.text(left - 8, y_of(k * step) + 4, "text-anchor=\"end\"", format("%g", k * step));
  }
  const auto every = static_cast<size_t>(std::max(1.0, tick_step(real(epochs), 10)));
  for (size_t epoch = every; epoch <= epochs; epoch += every)
    svg.text(x_of(epoch), top + height + 20, "text-anchor=\"middle\"", std::to_string(epoch));
  svg.text(left + width / 2, top + height + 42, "text-anchor=\"middle\"", "epoch");
  svg.box(x_of(kept) - 0.5, top, 1, height, "fill=\"#777\"");
  svg.text(x_of(kept), top - 5, "text-anchor=\"middle\"", "kept");
  for (const bool validation : {false, true}) {
    const std::string colour = validation ? "\"#d9622b\"" : "\"#1f6fb4\"";
    std::string points;
    for (size_t k = 1; k <= epochs; ++k) {
      const EpochReport& epoch = history[k - 1];
      const Score& score = validation ? epoch.validation : epoch.training;
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

// A row for each true language, a column for each predicted one.
void draw_confusion(Svg& svg, const Confusion& confusion, const Strings& labels, double left, double top, double cell) {
  for (size_t i = 0; i < labels.size(); ++i) {
    const double y = top + real(i) * cell, label = left + real(i) * cell + 13;
    svg.text(left - 6, y + 13, "text-anchor=\"end\"", labels[i]);
    svg.text(label, top - 6, format("transform=\"rotate(-90 %.1f %.1f)\"", label, top - 6), labels[i]);
    for (size_t k = 0; k < labels.size(); ++k) {
      if (confusion(i, k) == 0) continue;
      const long share = row_percent(confusion, i, k);
      const double x = left + real(k) * cell, opacity = static_cast<double>(6 + 94 * share / 100) / 100;
      svg.box(x, y, cell, cell, format("fill=\"#1f6fb4\" fill-opacity=\"%.2f\"", opacity));
      svg.text(x + cell / 2, y + 12,
               format("font-size=\"9\" text-anchor=\"middle\"%s", share > 45 ? " fill=\"#fff\"" : ""),
               share == 0 ? "·" : std::to_string(share));
    }
  }
  const double size = cell * real(labels.size());
  svg.box(left, top, size, size, "fill=\"none\" stroke=\"#999\"");
}

// report.svg: the losses, below them the worst confusions; beside them the confusion matrix; at the foot the options.
// The page is as large as that needs, if letters are as wide as most are.
std::string draw_report(const std::vector<EpochReport>& history, const Evaluation& test, const Model& kept) {
  constexpr double left = 20, top = 85, line = 18, list_top = 490, middle = 530, cell = 18, letter = 8;
  const size_t width = column_width(kept.languages, 20);
  Strings labels;
  for (const std::string& name : kept.languages) labels.push_back(fit(name, std::min(width, letters_in(name))));
  const double matrix_left = middle + letter * real(width), matrix_top = top + letter * real(width);
  const double right = matrix_left + cell * real(labels.size()), bottom = matrix_top + cell * real(labels.size());
  const auto room = static_cast<size_t>(std::max(10.0, (bottom - list_top) / line));
  const Strings worst = worst_confusions(test.confusion, labels, room);
  const double foot = 50 + std::max(bottom, list_top + line * real(worst.size()));
  Svg svg;
  svg.body = format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" font-family=\"sans-serif\" "
      "font-size=\"12\" fill=\"#222\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
      30 + std::max({right, middle + 350, left + 5 * real(kept.options.size())}), foot + 16);
  svg.text(left, 34, "font-size=\"17\" font-weight=\"bold\"", test_line(test, "test"));
  draw_losses(svg, history, kept.epoch, left + 40, top);
  svg.text(left, list_top, "", worst.empty() ? "no confusions" : "worst confusions");
  for (size_t k = 0; k < worst.size(); ++k) svg.text(left, list_top + line * real(k + 1), "font-size=\"11\"", worst[k]);
  svg.text(middle, top - 14, "", "confusion: rows true, columns predicted, per cent of the row");
  draw_confusion(svg, test.confusion, labels, matrix_left, matrix_top, cell);
  svg.text(left, foot, "font-size=\"10\" fill=\"#777\"", kept.options);
  return svg.body + "</svg>\n";
}

// ---- 6. Options -----------------------------------------------------------------------------------------------------

// The command line, checked.
struct Options {
  std::string mode, data_dir, model_path, model_dir, part;
  Settings settings;
  size_t threads, top;
  Strings names;
};

enum class Kind { text, choice, integer, real };

// The one table of options: --help, parsing and checking all read it.
struct Option {
  const char* name;
  Kind kind;
  const char* range;    // as --help shows it; of a choice, the words
  std::string initial;  // the default
  const char* modes;    // that read it; none: all do
  const char* help;
  double lowest{}, highest{};  // of a number
};

const std::vector<Option>& option_table() {
  static const Settings s;
  static constexpr double least = std::numeric_limits<float>::denorm_min(), most = std::numeric_limits<float>::max();
  static const std::vector<Option> table = {
      {"mode", Kind::choice, "train test predict trace explore", "train", "", "task"},
      {"data_dir", Kind::text, "a folder", "data/", "train test explore", "names, or as argument"},
      {"model_path", Kind::text, "a file", "models/rnn.txt", "test predict trace", "the model to use"},
      {"model_dir", Kind::text, "a folder", "models", "train", "where training writes"},
      {"hidden_dim", Kind::integer, "1 to 4096", decimal(s.hidden), "train", "hidden units", 1, most_hidden},
      {"epochs", Kind::integer, "1 to 1000000", decimal(s.epochs), "train", "passes over the names", 1, 1e6},
      {"batch_size", Kind::integer, "1 to 1000000", decimal(s.batch_size), "train", "names a step", 1, 1e6},
      {"learning_rate", Kind::real, "above 0 to 3e38", decimal(s.learning_rate), "train", "a step's size", least, most},
      {"clip_norm", Kind::real, "above 0 to 3e38", decimal(s.clip_norm), "train", "longest gradient", least, most},
      {"momentum", Kind::real, "0 to below 1", decimal(s.momentum), "train", "share of last step", 0, 0x1.fffffep-1},
      {"prefix_weight", Kind::real, "0 to 1", decimal(s.prefix_weight), "train", "weight of earlier steps", 0, 1},
      {"decay", Kind::choice, "linear none", s.linear_decay ? "linear" : "none", "train", "of the learning rate"},
      {"seed", Kind::integer, "0 to 2^64-1", decimal(s.seed), "", "of weights and shuffles", 0, 0x1p64},
      {"split_seed", Kind::integer, "0 to 2^64-1", decimal(s.split_seed), "train explore", "of the parts", 0, 0x1p64},
      {"threads", Kind::integer, "1 to 1024", "all cores", "", "threads", 1, 1024},
      {"top", Kind::integer, "1 to 1000000", "3; 1 in the filter", "predict", "languages to show", 1, 1e6},
      {"part", Kind::choice, "training validation test all", "test", "test", "which names"},
  };
  return table;
}

// The settings as the command line takes them: `./rnn DATA_DIR` with these makes the same model again.
std::string options_line(const Settings& s) {
  return "--hidden_dim " + decimal(s.hidden) + " --epochs " + decimal(s.epochs) + " --batch_size " +
         decimal(s.batch_size) + " --learning_rate " + decimal(s.learning_rate) + " --clip_norm " +
         decimal(s.clip_norm) + " --momentum " + decimal(s.momentum) + " --prefix_weight " + decimal(s.prefix_weight) +
         " --decay " + (s.linear_decay ? "linear" : "none") + " --seed " + decimal(s.seed) + " --split_seed " +
         decimal(s.split_seed);
}

Strings words_of(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), {}};
}

bool has_word(const std::string& text, const std::string& word) { return std::ranges::count(words_of(text), word) > 0; }

const Option* find_option(const std::string& name) {
  const auto found = std::ranges::find(option_table(), name, &Option::name);
  return found == option_table().end() ? nullptr : &*found;
}

std::string help() {
  std::string text =
      "rnn learns which language a name comes from, letter by letter.\n\n"
      "usage: ./rnn [--mode MODE] [options] [DATA_DIR | NAME...]\n\n"
      "  ./rnn data/                              train on a folder, test, save models\n"
      "  ./rnn --mode test data/                  tables of a saved model\n"
      "  ./rnn --mode predict Rodrigo Rodrigues   the likeliest languages of names\n"
      "  ./rnn --mode predict <names.txt          a filter: name, language, probability\n"
      "  ./rnn --mode trace Rodrigues             what it believes at each letter\n"
      "  ./rnn --mode explore data/               describe the data\n\n"
      "  option           default             meaning: range\n";
  for (const auto& [name, kind, range, initial, modes, meaning, lowest, highest] : option_table())
    text += "  --" + fit(name, 15) + fit(initial, 20) + meaning + ": " + range + '\n';
  text += "  --help, -h                           this text\n\nRead by one mode or several:\n";
  for (const std::string& mode : words_of(find_option("mode")->range)) {
    text += "  " + fit(mode, 8);
    size_t count = 0;
    for (const Option& option : option_table())
      if (has_word(option.modes, mode)) text += (++count == 7 ? "\n           " : " ") + std::string(option.name);
    text += '\n';
  }
  return text + "Every mode takes --seed and --threads.\nExit status: 0 done, 1 failed, 2 wrong command line.\n";
}

// Whether the table allows a value. A real number will be rounded to float: to 0, 1 or infinity, perhaps.
bool allows(const Option& option, const std::string& value) {
  if (option.kind == Kind::text) return !value.empty();
  if (option.kind == Kind::choice) return has_word(option.range, value);
  if (option.kind == Kind::integer && decimal(std::strtoull(value.c_str(), nullptr, 10)) != value) return false;
  if (value.empty() || value.find_first_not_of("0123456789+-.eE") != value.npos) return false;
  char* end = nullptr;
  const double number = std::strtod(value.c_str(), &end);
  const auto in_range = [&](double x) { return x >= option.lowest && x <= option.highest; };
  return *end == '\0' && in_range(number) && in_range(static_cast<float>(number));
}

// Refuses an option that the mode does not read, or a value that the table does not allow.
void check_option(const std::string& word, const std::string& value, const std::string& mode) {
  static const char* const kinds[] = {"", "one of: ", "a whole number, ", "a number, rounded to float, "};
  std::string known;
  for (const Option& option : option_table())
    if (option.modes[0] == '\0' || has_word(option.modes, mode)) known += std::string(" --") + option.name;
  const Option* const option = word.starts_with("--") ? find_option(word.substr(2)) : nullptr;
  if (option == nullptr) throw Failure{"no option " + word + "; mode " + mode + " takes" + known, 2};
  if (!has_word(known, word)) throw Failure{word + " means nothing to mode " + mode + ", which takes" + known, 2};
  if (!allows(*option, value))
    throw Failure{word + " " + value + ": should be " + kinds[static_cast<size_t>(option->kind)] + option->range, 2};
}

Options parse_command_line(const Strings& words) {
  std::vector<std::pair<std::string, std::string>> given;  // options and their values
  Strings arguments;
  for (size_t i = 0; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    if (words[i] == "--")
      while (++i < words.size()) arguments.push_back(words[i]);
    else if (!words[i].starts_with("-") || words[i] == "-")
      arguments.push_back(words[i]);
    else if (equals != std::string::npos)
      given.emplace_back(words[i].substr(0, equals), words[i].substr(equals + 1));
    else
      given.emplace_back(words[i], i + 1 < words.size() ? words[i + 1] : ""), ++i;
  }
  std::map<std::string, std::string> values;
  for (const Option& option : option_table()) values[option.name] = option.initial;
  std::string& mode = values["mode"];
  for (const auto& [word, value] : given)
    if (word == "--mode") check_option(word, mode = value, "train");
  for (const auto& [word, value] : given) check_option(word, value, mode);
  for (const auto& [word, value] : given) {
    values[word.substr(2)] = value;
    if (word == "--data_dir") arguments.push_back(value);
  }
  const auto is_given = [&](const char* name) { return values[name] != find_option(name)->initial; };
  const auto integer = [&](const char* name) { return std::strtoull(values[name].c_str(), nullptr, 10); };
  const auto size = [&](const char* name) { return static_cast<size_t>(integer(name)); };
  const auto number = [&](const char* name) { return std::strtod(values[name].c_str(), nullptr); };
  Options options{mode, values["data_dir"], values["model_path"], values["model_dir"], values["part"], {}, 0, 0, {}};
  options.settings = {size("hidden_dim"), size("epochs"),       size("batch_size"),      number("learning_rate"),
                      number("momentum"), number("clip_norm"),  number("prefix_weight"), values["decay"] == "linear",
                      integer("seed"),    integer("split_seed")};
  options.threads = is_given("threads") ? size("threads") : std::max(1u, std::thread::hardware_concurrency());
  if (mode == "predict" || mode == "trace") {
    for (const std::string& name : arguments)
      if (std::error_code ignored; fs::is_regular_file(name, ignored))
        throw Failure{name + ": a file; its names are answered by --mode predict <" + name, 2};
    options.names = arguments;
  } else if (!arguments.empty()) {
    if (arguments.size() > 1)
      throw Failure{"one folder, please: " + arguments[0] + " or " + arguments[1] + "; for names, --mode predict", 2};
    options.data_dir = arguments[0];
  }
  // The default is "3; 1 in the filter": read as a number, it is 3.
  options.top = options.names.empty() && !is_given("top") ? 1 : size("top");
  return options;
}

// ---- 7. Training ----------------------------------------------------------------------------------------------------

// A bar that grows on standard error by appending, from the moment an epoch has lasted two seconds.
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

std::string history_line(size_t number, const EpochReport& epoch) {
  const auto figures = [](const Score& score) {
    return score.names == 0 ? "," : format("%.6f,%.4f", score.mean_cross_entropy(), score.accuracy());
  };
  return format("%zu,%.9g,", number, epoch.learning_rate) + figures(epoch.training) + ',' + figures(epoch.validation) +
         format(",%.6f\n", epoch.seconds);
}

std::string epoch_line(size_t number, size_t epochs, const EpochReport& epoch) {
  const Score& v = epoch.validation;
  const std::string validation = v.names == 0 ? "–" : format("%.2f, %.1f%%", v.mean_cross_entropy(), v.accuracy());
  return format("Epoch %zu/%zu — Loss: %.2f — Accuracy: %.1f%% — Validation: %s — %.2f s\n", number, epochs,
                epoch.training.mean_cross_entropy(), epoch.training.accuracy(), validation.c_str(), epoch.seconds);
}

// Makes the folder, or refuses it; begins history.csv; and removes what must not stand beside it: the picture of an
// earlier run, and what runs left unfinished that were killed over an hour ago.
std::ofstream begin_history(const fs::path& folder) {
  static const std::regex written("(rnn(_epoch[0-9]+)?\\.txt|history\\.csv|report\\.svg)(\\.[0-9a-f]{16}\\.tmp)?");
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Failure{folder.string() + ": " + error.message() + "; name another folder with --model_dir"};
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!std::regex_match(name, written)) continue;
    const bool is_temporary = name.ends_with(".tmp");
    if (!is_temporary && fs::is_directory(entry.symlink_status()))
      throw Failure{entry.path().string() + ": a folder, where a file is written"};
    if (is_temporary && fs::is_regular_file(entry.symlink_status(error)) &&
        fs::file_time_type::clock::now() - entry.last_write_time(error) > std::chrono::hours(1))
      fs::remove(entry, error);
  }
  const fs::path csv = folder / "history.csv";
  write_file(csv, "epoch,learning_rate,loss,accuracy,validation_loss,validation_accuracy,seconds\n");
  fs::remove(folder / "report.svg");
  return std::ofstream(csv, std::ios::binary | std::ios::app);
}

// A model with the languages and the letters of the training names, not yet trained.
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

// The memory that training takes, with names of at most `longest` symbols.
double gigabytes(const Settings& settings, size_t symbols, size_t languages, size_t longest) {
  const double hidden = real(settings.hidden), outputs = real(languages), rows = real(slice_names * longest);
  const double shards = real(std::min(pieces(settings.batch_size, slice_names), most_shards));
  // As many numbers as the parameters: themselves, transposed, velocity, gradient, one for each shard; the model that
  // is written, its text of 16 bytes a number, the best one, and that again with copies to be tested.
  const double parameters = hidden * (real(symbols + 1 + languages) + hidden) * (4 + shards + 1 + 4 + 1 + 2);
  const double unrolled = shards * 3 * rows * (hidden + outputs), classified = real(most_tasks) * rows * hidden;
  return 1e-9 * (sizeof(Real) * (parameters + unrolled + classified) + sizeof(size_t) * outputs * outputs);
}

// Trains for an epoch, which counts from 0, and measures what came of it.
EpochReport run_epoch(Training& training, const Examples& examples, const Examples& validation, size_t epoch,
                      Team& team) {
  const auto start = std::chrono::steady_clock::now();
  const Report report = train_epoch(training, examples, epoch, team, ProgressBar());
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  const size_t batches = pieces(examples.size(), training.settings.batch_size);
  const EpochReport result{learning_rate(training.settings, epoch * batches, training.settings.epochs * batches),
                           seconds.count(), report.score, evaluate(training.network, validation, team).score};
  bool finite = std::isfinite(report.norm) && std::isfinite(report.score.cross_entropy + result.selection());
  for (const Real number : training.network.parameters.numbers()) finite = finite && std::isfinite(number);
  if (finite) return result;
  throw Failure{"training diverged in epoch " + std::to_string(epoch + 1) + ": the loss, the gradient or a parameter " +
                "is no longer finite; lower --learning_rate or --clip_norm" +
                (epoch > 0 ? " (models of earlier epochs stay)" : "")};
}

// What was kept, where it is, and what to do next.
std::string last_lines(size_t kept, size_t epochs, const fs::path& folder) {
  const std::string path = visible((folder / "rnn.txt").string()), report = visible((folder / "report.svg").string());
  const bool is_default = fs::path(path).lexically_normal() == find_option("model_path")->initial;
  return format("Kept epoch %zu of %zu: ", kept, epochs) + path + ", " + report + "\nTry: ./rnn --mode predict " +
         (is_default ? "" : "--model_path '" + std::regex_replace(path, std::regex("'"), "'\\''") + "' ") +
         "Rodrigues\n";
}

void train(const Options& options) {
  const Settings& settings = options.settings;
  const fs::path folder = options.model_dir;
  const Data data = load_data(options.data_dir);
  Model model = new_model(data, options.data_dir, settings);
  if (std::error_code ignored; fs::equivalent(options.data_dir, folder, ignored))
    throw Failure{folder.string() + ": models can't stand among the names; name another folder with --model_dir"};
  const auto examples = [&](Part part) {
    return examples_of(data, part, settings.split_seed, model.alphabet, model.languages);
  };
  const auto to_train = examples(Part::training), to_validate = examples(Part::validation),
             to_test = examples(Part::test);
  const size_t symbols = model.alphabet.symbols(), languages = model.languages.size();
  const size_t most = std::max({longest(to_train), longest(to_validate), longest(to_test)});
  if (const double memory = gigabytes(settings, symbols, languages, most); memory > 16)
    throw Failure{format("training would take %.0f GB of memory, and 16 are allowed; lower --hidden_dim", memory)};
  Training training(settings, to_train, symbols, languages);
  Team team(std::min(options.threads, training.shards.size()));
  std::ofstream csv = begin_history(folder);
  print(counted(languages, "language") + ", " + counted(symbols - 1, "letter") + ", " + repeats_line(data) +
        counted(to_train.size(), "name") +
        format(" to train on, %zu to validate, %zu to test\n", to_validate.size(), to_test.size()));
  std::vector<EpochReport> history;
  Model best;
  while (history.size() < settings.epochs) {
    history.push_back(run_epoch(training, to_train, to_validate, history.size(), team));
    model.epoch = history.size();
    model.parameters = training.network.parameters;
    const std::string text = write_model(model);
    write_file(folder / format("rnn_epoch%zu.txt", history.size()), text);
    if (best.epoch == 0 || history.back().selection() < history[best.epoch - 1].selection()) {
      best = model;
      write_file(folder / "rnn.txt", text);
    }
    csv << history_line(model.epoch, history.back()) << std::flush;
    if (!csv) throw Failure{(folder / "history.csv").string() + ": " + last_error().message()};
    print(epoch_line(model.epoch, settings.epochs, history.back()));
  }
  const Evaluation test = evaluate(Network(best.parameters), to_test, team);
  print(test_line(test, "test") + '\n');
  write_file(folder / "report.svg", draw_report(history, test, best));
  print(last_lines(best.epoch, settings.epochs, folder));
}

// ---- 8. Test and predict --------------------------------------------------------------------------------------------

// A model's numbers are finite, but what becomes of them need not be.
void check_finite(double number) {
  if (!std::isfinite(number)) throw Failure{"the model's numbers are too large to compute with"};
}

void test(const Options& options) {
  const Model model = load_model(options.model_path);
  const Data data = load_data(options.data_dir);
  for (const std::string& language : data.languages)
    if (!std::ranges::binary_search(model.languages, language))
      throw Failure{options.data_dir + ": " + language + " is no language of the model " + options.model_path};
  const Strings parts = words_of(find_option("part")->range);  // as enum Part has them
  const auto part = static_cast<Part>(std::ranges::find(parts, options.part) - parts.begin());
  const auto examples = examples_of(data, part, model.split_seed, model.alphabet, model.languages);
  Team team(std::min(options.threads, most_tasks));
  const Evaluation result = evaluate(Network(model.parameters), examples, team);
  const Confusion& confusion = result.confusion;
  check_finite(result.score.cross_entropy);
  size_t others = 0;
  for (const NameList& list : data.names) others += list.names.size();
  others -= result.score.names;
  print(test_line(result, options.part) + '\n');
  if (others > 0) print(format("--part all answers the other %zu\n", others));
  print(repeats_line(data));
  print('\n' + languages_table(confusion, model.languages) + '\n' + confusion_table(confusion, model.languages) +
        "\nWorst confusions:\n");
  const Strings worst = worst_confusions(confusion, model.languages, 10);
  for (const std::string& line : worst) print("  " + line + '\n');
  if (worst.empty()) print("  none\n");
}

// The likeliest languages, at most so many, likeliest first.
std::vector<size_t> ranking(const Real* y, size_t languages, size_t most) {
  if (most == 1) return {likeliest(y, languages)};
  std::vector<size_t> order(languages);
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::greater(), [&](size_t k) { return y[k]; });
  order.resize(std::min(most, languages));
  return order;
}

// The letters of a name on the command line.
std::u32string parse_name(const std::string& name) {
  const std::string_view trimmed = trim(name);
  if (trimmed.empty()) throw Failure{"an empty name", 2};
  try {
    return decode_name(trimmed);
  } catch (const TextError& wrong) {
    throw Failure{message_of("`" + fit(name, std::min<size_t>(letters_in(name), 40)) + "`", wrong), 2};
  }
}

// The letters that training never saw, each once.
std::u32string unseen_letters(const std::u32string& name, const std::vector<Symbol>& symbols) {
  std::u32string unseen;
  for (size_t t = 0; t < name.size(); ++t)
    if (symbols[t] == unknown && unseen.find(name[t]) == unseen.npos) unseen += name[t];
  return unseen;
}

// A letter as a terminal may show it.
std::string shown(char32_t letter) {
  return letter < 0x20 || (letter >= 0x7f && letter < 0xa0) ? "·" : encode_utf8(letter);
}

// The answer to a name: its likeliest languages, with bars.
std::string answer_lines(const std::string& name, const Model& model, const Real* y, size_t top) {
  const std::u32string letters = parse_name(name), unseen = unseen_letters(letters, model.alphabet.encode(letters));
  std::string text = visible(name) + '\n';
  for (size_t i = 0; i < unseen.size(); ++i)
    text += (i == 0 ? "  never seen in training: " : ", ") + letter_name(unseen[i]) + ' ' + shown(unseen[i]);
  text += unseen.empty() ? "" : "\n";
  const size_t width = column_width(model.languages, std::string::npos);
  for (const size_t k : ranking(y, model.languages.size(), top))
    text += "  " + fit(model.languages[k], width) + format(" %5.1f%%  ", 100.0 * y[k]) + bar(y[k], 40) + '\n';
  return text;
}

// A filter: a line out for each line in, in order.
struct Filter {
  const Model& model;
  const Network& network;
  Team& team;
  size_t top;                              // pairs of language and probability, of each line
  Strings lines = {};                      // that wait for their answers
  Examples examples = {};                  // of those that are names
  std::vector<size_t> line_of = {};        // of each example
  std::map<char32_t, size_t> unseen = {};  // letters that training never saw: in how many lines
  size_t lines_with_unseen = 0;
  bool failed = false;

  // Takes a line less its '\n'. What is wrong with it is said, and is its answer.
  void add(std::string_view line, size_t number) try {
    lines.emplace_back("?");
    check_length(line, longest_line, number);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.back() = line;
    if (number == 1 && line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
    const std::u32string name = decode_name(trim(line), number);
    if (name.empty()) return;
    if (line.find('\t') != line.npos) throw TextError("a TAB, which parts the fields of the answer", number);
    examples.push_back({model.alphabet.encode(name), 0});
    line_of.push_back(lines.size() - 1);
    const std::u32string its_unseen = unseen_letters(name, examples.back().symbols);
    for (const char32_t letter : its_unseen) ++unseen[letter];
    lines_with_unseen += !its_unseen.empty();
  } catch (const TextError& wrong) {
    std::fprintf(stderr, "rnn: %s\n", message_of("standard input", wrong).c_str());
    std::string& answer = lines.back();
    if (answer.find('\t') != answer.npos || !decode_utf8(answer)) answer = "?";
    for (size_t k = 0; k < std::min(top, model.languages.size()); ++k) answer += "\t?\t0";
    failed = true;
  }
  // The lines that wait, with their answers.
  std::string answers() {
    classify(network, examples, team, [&](size_t i, const Real*, const Real* y) {
      check_finite(*y);
      std::string& line = lines[line_of[i]];
      for (const size_t k : ranking(y, model.languages.size(), top))
        line.append("\t").append(model.languages[k]).append("\t").append(decimal(y[k], std::chars_format::fixed, 6));
    });
    std::string text;
    for (const std::string& line : lines) text.append(line) += '\n';
    lines.clear();
    examples.clear();
    line_of.clear();
    return text;
  }
  // What is said at the end of letters that training never saw.
  std::string last_line() const {
    if (unseen.empty()) return "";
    std::vector<std::pair<char32_t, size_t>> order(unseen.begin(), unseen.end());
    std::ranges::stable_sort(order, std::greater(), [](const auto& letter) { return letter.second; });
    std::string text = "rnn: " + counted(lines_with_unseen, "line") + (lines_with_unseen == 1 ? " has" : " have");
    for (size_t i = 0; i < std::min<size_t>(5, order.size()); ++i)
      text += (i == 0 ? " letters never seen in training: " : ", ") + letter_name(order[i].first) +
              format(" (%zu)", order[i].second);
    return text + '\n';
  }
};

// Answers are written as soon as no more input waits, or so many lines do.
void predict_lines(Filter filter) {
  std::ios::sync_with_stdio(false);
  std::string line;
  for (size_t number = 1; next_line(std::cin, longest_line, line); ++number) {
    filter.add(line, number);
    if (filter.lines.size() == 1 << 13 || std::cin.rdbuf()->in_avail() <= 0) print(filter.answers());
  }
  const std::error_code error = last_error();
  print(filter.answers());
  if (std::cin.bad()) throw Failure{"standard input: " + error.message()};
  std::fputs(filter.last_line().c_str(), stderr);
  if (filter.failed) throw Failure{""};
}

void predict(const Options& options) {
  const Model model = load_model(options.model_path);
  const Network network(model.parameters);
  Team team(std::min(options.threads, most_tasks));
  if (options.names.empty()) return predict_lines({model, network, team, options.top});
  Examples examples;
  for (const std::string& name : options.names) examples.push_back({model.alphabet.encode(parse_name(name)), 0});
  Strings answers(examples.size());
  classify(network, examples, team, [&](size_t i, const Real*, const Real* y) {
    check_finite(*y);
    answers[i] = answer_lines(options.names[i], model, y, options.top);
  });
  for (size_t i = 0; i < answers.size(); ++i) print((i > 0 ? "\n" : "") + answers[i]);
}

// ---- 9. Trace and explore -------------------------------------------------------------------------------------------

// A line for each step; row t of u is step t + 1 of the name.
std::string trace_table(const Unrolled& u, const std::u32string& name, const Strings& languages) {
  const View<const Real> h = u.h, y = u.y;
  const size_t width = column_width(languages, 10), top = std::min<size_t>(3, languages.size());
  std::string text = std::string(3 + top * (width + 5), ' ') + "entropy  |dL/da|  hidden\n";
  for (size_t t = 0; t < y.rows; ++t) {
    check_finite(y(t, 0));
    double entropy = 0, squares = 0;
    for (size_t k = 0; k < languages.size(); ++k) entropy -= y(t, k) > 0 ? y(t, k) * std::log2(y(t, k)) : 0;
    for (const Real x : u.d_a.of({t, 1}).numbers()) squares += static_cast<double>(x) * x;
    text += (t == name.size() ? "$" : shown(name[t])) + (u.packed.symbol[t] == unknown ? "? " : "  ");
    for (const size_t k : ranking(y.row(t), languages.size(), top))
      text += fit(languages[k], width) + format("%3.0f%% ", 100.0 * y(t, k));
    text += format("%7.2f %8.2g  ", entropy, std::sqrt(squares));
    for (size_t j = 0; j < std::min<size_t>(12, h.columns); ++j) text += shade((h(t, j) + 1) / 2);
    text += '\n';
  }
  return text;
}

// Follows one name through the network: forward to see what it believes after each letter, backward from the answer,
// taken as its language, to see how much each step matters to it.
Unrolled follow(const Model& model, const std::u32string& name) {
  const Network network(model.parameters);
  Unrolled u(name.size() + 1, network.parameters.hidden, model.languages.size());
  pack({{model.alphabet.encode(name), 0}}, std::array<size_t, 1>{0}, u.packed);
  forward(network, u);
  std::ranges::fill(u.packed.language, likeliest(View<const Real>(u.y).row(name.size()), model.languages.size()));
  backward_through_time(network, u, 0);
  return u;
}

void trace(const Options& options) {
  if (options.names.size() != 1) throw Failure{"trace follows one name: ./rnn --mode trace Rodrigues", 2};
  const Model model = load_model(options.model_path);
  const std::u32string name = parse_name(options.names[0]);
  const Unrolled u = follow(model, name);
  const std::string& answer = model.languages[u.packed.language[0]];
  print("After each letter: the likeliest languages; entropy, in bits; hidden units, from\n" +
        ("-1 (blank) to 1 (full); |dL/da|, how much the step matters to the answer: " + answer) + "\n\n" +
        trace_table(u, name, model.languages) + "\n$: the end of the name; ?: a letter that training never saw.\n");
}

// What explore counts: names, their letters, and their endings of 2 to 4 letters, folded.
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

// The three endings that are most typical of a language: those with the highest n log(p / q), where n counts the
// language's names with the ending, p is their share in the language, and q the share in all languages.
std::string typical_endings(const Count& count, const Count& all) {
  std::vector<std::pair<double, std::u32string>> scores;
  for (const auto& [ending, n] : count.endings)
    scores.emplace_back(real(n) * std::log(ratio(n, count.names) / ratio(all.endings.at(ending), all.names)), ending);
  std::ranges::stable_sort(scores, std::greater(), [](const auto& score) { return score.first; });
  std::string text;
  for (size_t i = 0; i < std::min<size_t>(3, scores.size()); ++i) text += " -" + visible(folded(scores[i].second));
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

// How many names stand in several languages. Of each of these a classifier can get one right.
std::string shared_names(const Data& data, std::uint64_t split_seed) {
  std::map<std::string, size_t> seen;  // in how many languages, by folded name
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

void run(const Options& options) {
  static const std::map<std::string, void (*)(const Options&)> modes = {
      {"train", train}, {"test", test}, {"predict", predict}, {"trace", trace}, {"explore", explore}};
  modes.at(options.mode)(options);
}

// A compiler that rearranges arithmetic need not say so by a macro (clang++ does not): a few values tell.
void check_arithmetic() {
  volatile Real minus_one = -1, half = 0.5f, no_number = std::numeric_limits<Real>::quiet_NaN();
  const auto is_near = [](Real x, double expected) { return std::abs(x - expected) < 1e-6; };
  if (!is_near(fast_exp(minus_one), 0.36787944) || !is_near(fast_tanh(half), 0.46211716) || !std::isnan(no_number))
    throw Failure{"this build computes wrongly: build it without -ffast-math and its parts"};
}

}  // namespace

int main(int argc, char** argv) {
  try {
    check_arithmetic();
    const Strings words(argv + 1, argv + argc);
    const auto end = std::ranges::find(words, "--");
    if (std::find(words.begin(), end, "--help") != end || std::find(words.begin(), end, "-h") != end)
      print(help());
    else
      run(parse_command_line(words));
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
