// rnn.cpp: the program around rnn.hpp. A port may do its own way what stands here: files, threads, printing, the
// picture, the command line.
#include "rnn.hpp"
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <system_error>
#include <thread>

namespace {

using namespace rnn;
namespace fs = std::filesystem;

// Ends the program with a sentence on standard error and a status: 1 it failed, 2 the command line is wrong.
struct Failure {
  std::string what;
  int status = 1;
};

// ---------------------------------------------------------------------------------------------------------------------
// 1. Files
// ---------------------------------------------------------------------------------------------------------------------

std::string reason() { return errno != 0 ? std::generic_category().message(errno) : "it can't be read or written"; }

// The bytes of a file. A line of more than longest_line bytes is refused before more of it is read.
std::string read_file(const fs::path& path, size_t longest_line) {
  errno = 0;
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) throw Failure{path.string() + ": a folder, where a file is needed"};
  std::ifstream file(path, std::ios::binary);
  std::string text;
  size_t line = 1, line_start = 0;
  for (std::array<char, 1 << 16> block; file;) {
    file.read(block.data(), block.size());
    text.append(block.data(), static_cast<size_t>(file.gcount()));
    for (size_t end; (end = text.find('\n', line_start)) != text.npos && end - line_start <= longest_line; ++line)
      line_start = end + 1;
    if (std::min(text.find('\n', line_start), text.size()) - line_start > longest_line)
      throw Failure{path.string() + ":" + std::to_string(line) + ": a line of more than " +
                    std::to_string(longest_line) + " bytes"};
  }
  if (!file.eof()) throw Failure{path.string() + ": " + reason()};
  return text;
}

// Replaces a file in one step: a reader, or a run that is killed, finds the old file or the new one and never a part.
void write_file(const fs::path& path, std::string_view text) {
  const fs::path temporary = path.string() + ".tmp";
  errno = 0;
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  if (!file) {
    const std::string why = reason();
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw Failure{temporary.string() + ": " + why};
  }
  std::error_code error;
  fs::rename(temporary, path, error);
  if (error) throw Failure{path.string() + ": " + error.message()};
}

// What a folder of names holds: for language k, names[k], which point into texts[k].
struct Data {
  std::vector<std::string> languages;
  std::vector<std::string> texts;
  std::vector<NameList> names;
};

Data load_data(const std::string& folder) {
  std::error_code error;
  std::map<std::string, fs::path> files;  // by language, in byte order
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (entry->path().extension() == ".txt") files.emplace(entry->path().stem().string(), entry->path());
  if (error) throw Failure{folder + ": " + error.message() + "; name a folder with a file of names for each language"};
  if (files.empty()) throw Failure{folder + ": no *.txt in it; it needs a file such as Polish.txt for each language"};
  Data data;
  for (const auto& [language, path] : files) {
    if (language.find_first_of(white_space) != language.npos || !decode_utf8(language))
      throw Failure{path.string() + ": a file's name is its language, in UTF-8 and without white space"};
    data.languages.push_back(language);
    data.texts.push_back(read_file(path, 8 * longest_name));
  }
  for (size_t k = 0; k < data.texts.size(); ++k) {
    const std::string path = files[data.languages[k]].string();
    Result<NameList> names = read_names(data.texts[k]);
    if (!names.ok())
      throw Failure{path + (names.line > 0 ? ":" + std::to_string(names.line) : "") + ": " + names.error};
    data.names.push_back(std::move(names.value));
  }
  return data;
}

// The examples of the three parts, by Part.
using Parts = std::array<Examples, 3>;

// Languages of the data are matched by name to those given.
Parts make_parts(const Data& data, const std::vector<std::string>& languages, const Alphabet& alphabet,
                 std::uint64_t split_seed) {
  Parts parts;
  for (size_t k = 0; k < data.languages.size(); ++k) {
    const auto language = std::lower_bound(languages.begin(), languages.end(), data.languages[k]) - languages.begin();
    for (const std::string_view name : data.names[k].names)
      parts[static_cast<size_t>(part_of(name, split_seed))].add(alphabet.encode(*decode_utf8(name)),
                                                                static_cast<size_t>(language));
  }
  return parts;
}

Model load_model(const std::string& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    throw Failure{path + ": no such file; train first, or name a model with --model_path"};
  Result<Model> model = read_model(read_file(path, 1 << 25));
  if (!model.ok()) throw Failure{path + ":" + std::to_string(model.line) + ": " + model.error};
  return std::move(model.value);
}

// ---------------------------------------------------------------------------------------------------------------------
// 2. Threads
// ---------------------------------------------------------------------------------------------------------------------

// team(count, f) calls f(0) ... f(count - 1) on the team's threads, thread k those that are k modulo the team's size,
// and returns when all are done. A step of training lasts 0.1 ms, less than it takes to wake a sleeping thread, so a
// thread that waits spins for a while, then makes way for others, and sleeps only when nothing comes.
class Team {
 public:
  explicit Team(size_t threads) {
    try {
      for (; size < threads; ++size) helpers.emplace_back([this, k = size] { help(k); });
    } catch (const std::system_error&) {  // the system has no more threads: those that started will do
    }
  }
  ~Team() {
    call = nullptr;
    start.fetch_add(1);
    start.notify_all();
    for (std::thread& helper : helpers) helper.join();
  }

  template <class F>
  void operator()(size_t count, F&& f) {
    tasks = count;
    task = &f;
    call = [](void* work, size_t i) { (*static_cast<std::remove_reference_t<F>*>(work))(i); };
    busy = size - 1;
    start.fetch_add(1);
    start.notify_all();
    work(0);
    for (size_t left, spins = 0; (left = busy.load()) > 0;) wait(busy, left, spins);
    if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
  }

 private:
  template <class T>
  static void wait(std::atomic<T>& value, T old, size_t& spins) {
    if (++spins > 20000)
      value.wait(old);
    else if (spins > 2000)
      std::this_thread::yield();
  }
  void help(size_t k) {
    for (size_t round = 0;; ++round) {
      for (size_t spins = 0; start.load() == round;) wait(start, round, spins);
      if (call == nullptr) return;
      work(k);
      if (busy.fetch_sub(1) == 1) busy.notify_all();
    }
  }
  void work(size_t k) {
    try {
      for (size_t i = k; i < tasks; i += size) call(task, i);
    } catch (...) {
      if (!failing.test_and_set()) failure = std::current_exception();
    }
  }

  size_t size = 1;
  std::vector<std::thread> helpers;
  alignas(64) std::atomic<size_t> start{0};  // each on a cache line of its own
  alignas(64) std::atomic<size_t> busy{0};
  alignas(64) size_t tasks = 0;
  void* task = nullptr;
  void (*call)(void*, size_t) = nullptr;
  std::atomic_flag failing{};
  std::exception_ptr failure;
};

// ---------------------------------------------------------------------------------------------------------------------
// 3. Printing
// ---------------------------------------------------------------------------------------------------------------------

template <class... Values>
std::string format(const char* pattern, Values... values) {
  std::string text(static_cast<size_t>(std::snprintf(nullptr, 0, pattern, values...)), '\0');
  std::snprintf(text.data(), text.size() + 1, pattern, values...);
  return text;
}

// UTF-8 text cut or filled with blanks to a width in letters.
std::string fit(const std::string& text, size_t width) {
  size_t letters = 0, bytes = 0;
  for (; bytes < text.size() && letters < width; ++letters) do
      ++bytes;
    while (bytes < text.size() && (text[bytes] & 0xc0) == 0x80);
  return text.substr(0, bytes) + std::string(width - letters, ' ');
}

// A share of 0 to 1 in one of five shades.
std::string shade(double share) {
  static const char* const shades[] = {" ", "░", "▒", "▓", "█"};
  return shades[static_cast<size_t>(std::clamp(share * 5, 0.0, 4.0))];
}

std::string bar(double share, size_t width) {
  std::string text;
  for (size_t i = 0; i < static_cast<size_t>(std::lround(share * static_cast<double>(width))); ++i) text += "█";
  return text;
}

std::string percent(double fraction) { return std::isnan(fraction) ? "–" : format("%.1f%%", 100 * fraction); }

// ---------------------------------------------------------------------------------------------------------------------
// 4. Evaluation and its tables
// ---------------------------------------------------------------------------------------------------------------------

struct Evaluation {
  Score score;
  Confusion confusion;
};

Evaluation evaluate(const Network<float>& network, const Examples& examples, Team& team) {
  const size_t languages = network.parameters.languages();
  std::vector<Score> scores(examples.size());  // added up in order below, so that the sum is the same at any --threads
  std::vector<size_t> answers(examples.size());
  classify(network, examples, team, [&](size_t i, const float* o, const float* y) {
    scores[i].count(o, y, languages, examples.language[i]);
    answers[i] = likeliest(y, languages);
  });
  Evaluation result{{}, Confusion(languages)};
  for (size_t i = 0; i < examples.size(); ++i) {
    result.score += scores[i];
    ++result.confusion(examples.language[i], answers[i]);
  }
  return result;
}

void print_test_line(const Evaluation& test) {
  if (test.score.names == 0)
    std::printf("Test — no name of the data is in the test part\n");
  else
    std::printf("Test — Loss: %.2f — Accuracy: %.1f%% — Macro F1: %.1f%%\n", test.score.mean_loss(),
                test.score.accuracy(), 100 * test.confusion.macro_f1());
}

void print_languages(const Confusion& confusion, const std::vector<std::string>& languages) {
  std::printf("\n    %s  Precision  Recall      F1  Support\n", fit("Language", 16).c_str());
  for (size_t k = 0; k < languages.size(); ++k) {
    const size_t support = confusion.support(k);
    const std::string f1 = support == 0 ? "–" : percent(confusion.f1(k));
    const auto right = [](const std::string& text, size_t width) {
      const size_t letters = text == "–" ? 1 : text.size();
      return std::string(width - letters, ' ') + text;
    };
    std::printf("%3zu %s  %s %s %s  %7zu\n", k + 1, fit(languages[k], 16).c_str(),
                right(percent(confusion.precision(k)), 9).c_str(), right(percent(confusion.recall(k)), 7).c_str(),
                right(f1, 7).c_str(), support);
  }
}

// Rows are the truth, columns the predictions, cells the per cent of the row. As wide as a terminal for 35 languages.
void print_confusion(const Confusion& confusion, const std::vector<std::string>& languages) {
  if (languages.size() > 35) {
    std::printf("\nThe confusion matrix of %zu languages is too wide to print.\n", languages.size());
    return;
  }
  std::printf("\nConfusion: rows are the true languages, columns the predicted ones, cells per cent of the row.\n%s",
              std::string(15, ' ').c_str());
  for (size_t k = 0; k < languages.size(); ++k) std::printf("%3zu", k + 1);
  for (size_t i = 0; i < languages.size(); ++i) {
    std::printf("\n%2zu %s", i + 1, fit(languages[i], 12).c_str());
    for (size_t k = 0; k < languages.size(); ++k) {
      const double share = static_cast<double>(confusion(i, k)) / static_cast<double>(confusion.support(i));
      const long cell = std::isnan(share) ? 0 : std::lround(100 * share);
      std::printf("%s", cell == 100 ? "100" : cell == 0 ? "  ·" : format("%s%2ld", shade(share).c_str(), cell).c_str());
    }
  }
  std::printf("\n");
}

void print_worst_confusions(const Confusion& confusion, const std::vector<std::string>& languages, size_t most) {
  struct Pair {
    double share;
    size_t count, truth, predicted;
  };
  std::vector<Pair> pairs;
  for (size_t i = 0; i < languages.size(); ++i)
    for (size_t k = 0, support = confusion.support(i); k < languages.size(); ++k)
      if (i != k && confusion(i, k) > 0)
        pairs.push_back({static_cast<double>(confusion(i, k)) / static_cast<double>(support), confusion(i, k), i, k});
  std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.share > b.share; });
  std::printf("\nWorst confusions:\n");
  for (size_t i = 0; i < std::min(most, pairs.size()); ++i)
    std::printf("  %s taken for %s: %.0f%% (%zu of %zu names)\n", languages[pairs[i].truth].c_str(),
                languages[pairs[i].predicted].c_str(), 100 * pairs[i].share, pairs[i].count,
                confusion.support(pairs[i].truth));
  if (pairs.empty()) std::printf("  none\n");
}

// ---------------------------------------------------------------------------------------------------------------------
// 5. Picture
// ---------------------------------------------------------------------------------------------------------------------

// What an epoch left: a line of history.csv and of the terminal. Without validation names their figures are not
// numbers.
struct EpochReport {
  double learning_rate, seconds;
  Score training, validation;
};

std::string escape(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
  return escaped;
}

// report.svg: the losses by epoch on the left, the confusion matrix on the right.
std::string draw_report(const std::vector<EpochReport>& history, const Evaluation& test,
                        const std::vector<std::string>& languages) {
  const double cell = 18, left = 60, top = 70, curve_width = 420, curve_height = 300, label = 110;
  const double size = cell * static_cast<double>(languages.size()), matrix_x = left + curve_width + 60 + label;
  const double width = matrix_x + size + 40, height = std::max(top + curve_height + 110, top + label + size + 40);
  std::string svg = format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" "
      "font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n<rect width=\"100%%\" height=\"100%%\" "
      "fill=\"#fff\"/>\n",
      width, height, width, height);
  const auto text = [&](double x, double y, const char* attributes, const std::string& content) {
    svg += format("<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n", x, y, attributes, escape(content).c_str());
  };
  const auto line = [&](double x1, double y1, double x2, double y2, const char* colour) {
    svg += format("<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", x1, y1, x2, y2, colour);
  };
  text(left, 30, "font-size=\"17\" font-weight=\"bold\"",
       test.score.names == 0 ? std::string("No test names")
                             : format("Test accuracy %.1f%%, macro F1 %.1f%% on %zu names the network never saw",
                                      test.score.accuracy(), 100 * test.confusion.macro_f1(), test.score.names));

  double highest = 0;
  for (const EpochReport& epoch : history)
    for (const double loss : {epoch.training.mean_loss(), epoch.validation.mean_loss()})
      if (loss > highest) highest = loss;
  const double step = std::pow(10, std::floor(std::log10(std::max(highest, 1e-3)))) / 2;  // from 2 to 20 of them
  const double tick = highest / step > 10 ? 4 * step : highest / step > 5 ? 2 * step : step;
  const double limit = std::max(1.0, std::ceil(highest / tick)) * tick, epochs = static_cast<double>(history.size());
  const auto x_of = [&](double epoch) { return left + (epochs > 1 ? (epoch - 1) / (epochs - 1) : 0.5) * curve_width; };
  const auto y_of = [&](double loss) { return top + curve_height * (1 - loss / limit); };
  for (double loss = 0; loss < limit + tick / 2; loss += tick) {
    line(left, y_of(loss), left + curve_width, y_of(loss), "#ddd");
    text(left - 8, y_of(loss) + 4, "text-anchor=\"end\"", format("%.3g", loss));
  }
  const size_t every = (history.size() + 9) / 10;
  for (size_t epoch = history.size() > 10 ? every : 1; epoch <= history.size(); epoch += every)
    text(x_of(static_cast<double>(epoch)), top + curve_height + 20, "text-anchor=\"middle\"", std::to_string(epoch));
  text(left + curve_width / 2, top + curve_height + 42, "text-anchor=\"middle\"", "epoch");
  text(left - 40, top - 14, "", "loss (nats per name)");
  const auto curve = [&](const char* colour, const char* name, double legend_x, auto loss_of) {
    std::string points, dots;
    for (size_t i = 0; i < history.size(); ++i)
      if (const double loss = loss_of(history[i]); std::isfinite(loss)) {
        const double x = x_of(static_cast<double>(i + 1)), y = y_of(loss);
        points += format("%.1f,%.1f ", x, y);
        if (history.size() <= 30)
          dots += format("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", x, y, colour);
      }
    svg += format("<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", points.c_str(), colour);
    svg += dots;
    svg += format("<rect x=\"%.1f\" y=\"%.1f\" width=\"14\" height=\"4\" fill=\"%s\"/>\n", legend_x,
                  top + curve_height + 66, colour);
    text(legend_x + 20, top + curve_height + 72, "", name);
  };
  curve("#1f6fb4", "training", left + 90, [](const EpochReport& epoch) { return epoch.training.mean_loss(); });
  curve("#d9622b", "validation", left + 220, [](const EpochReport& epoch) { return epoch.validation.mean_loss(); });
  line(left, top, left, top + curve_height, "#222");
  line(left, top + curve_height, left + curve_width, top + curve_height, "#222");

  const double matrix_y = top + label;
  text(matrix_x, top - 14, "", "confusion: rows true, columns predicted, per cent of the row");
  for (size_t i = 0; i < languages.size(); ++i) {
    const double at = (static_cast<double>(i) + 0.5) * cell + 4;
    text(matrix_x - 6, matrix_y + at, "text-anchor=\"end\"", fit(languages[i], 14));
    svg += format("<text transform=\"translate(%.1f %.1f) rotate(-90)\">%s</text>\n", matrix_x + at, matrix_y - 6,
                  escape(fit(languages[i], 14)).c_str());
    for (size_t k = 0, support = test.confusion.support(i); k < languages.size() && support > 0; ++k) {
      const double share = static_cast<double>(test.confusion(i, k)) / static_cast<double>(support);
      const double x = matrix_x + static_cast<double>(k) * cell, y = matrix_y + static_cast<double>(i) * cell;
      if (share == 0) continue;
      svg += format(
          "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.0f\" height=\"%.0f\" fill=\"#1f6fb4\" fill-opacity=\"%.2f\"/>\n", x, y,
          cell, cell, 0.06 + 0.94 * share);
      text(x + cell / 2, y + cell / 2 + 3,
           share > 0.45 ? "font-size=\"9\" text-anchor=\"middle\" fill=\"#fff\""
                        : "font-size=\"9\" text-anchor=\"middle\"",
           format("%.0f", 100 * share));
    }
  }
  svg += format("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"none\" stroke=\"#999\"/>\n</svg>\n",
                matrix_x, matrix_y, size, size);
  return svg;
}

// ---------------------------------------------------------------------------------------------------------------------
// 6. Training
// ---------------------------------------------------------------------------------------------------------------------

// The command line, checked.
struct Options {
  std::string mode, data_dir, model_path, model_dir;
  Settings settings;
  size_t threads = 0, top = 0;
  std::vector<std::string> names;
};

// A bar that grows on standard error by appending, from the moment an epoch has lasted two seconds.
class ProgressBar {
 public:
  void operator()(size_t done, size_t all) {
    if (std::chrono::steady_clock::now() - start < std::chrono::seconds(2)) return;
    for (; drawn < 50 * done / all; ++drawn) std::fputs("█", stderr);
    if (done == all) std::fputc('\n', stderr);
  }

 private:
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  size_t drawn = 0;
};

std::string history_csv(const std::vector<EpochReport>& history) {
  std::string csv = "epoch,learning_rate,loss,accuracy,validation_loss,validation_accuracy,seconds\n";
  for (size_t i = 0; i < history.size(); ++i) {
    const auto& [rate, seconds, training, validation] = history[i];
    csv += format("%zu,%.9g,%.6f,%.4f,%.6f,%.4f,%.6f\n", i + 1, rate, training.mean_loss(), training.accuracy(),
                  validation.mean_loss(), validation.accuracy(), seconds);
  }
  return csv;
}

void print_epoch(const EpochReport& report, size_t epoch, size_t epochs) {
  std::printf("Epoch %zu/%zu — Loss: %.2f — Accuracy: %.1f%%", epoch, epochs, report.training.mean_loss(),
              report.training.accuracy());
  if (report.validation.names == 0)
    std::printf(" — Validation loss: – — Validation accuracy: –");
  else
    std::printf(" — Validation loss: %.2f — Validation accuracy: %.1f%%", report.validation.mean_loss(),
                report.validation.accuracy());
  std::printf(" — %.2f s\n", report.seconds);
  std::fflush(stdout);
}

// What must hold before anything is written: two languages, each with a name to train on.
void check_languages(const Data& data, const std::string& folder, std::uint64_t split_seed) {
  if (data.languages.size() < 2)
    throw Failure{folder + ": one language alone, " + data.languages[0] + "; there is nothing to tell it from"};
  for (size_t k = 0; k < data.languages.size(); ++k)
    if (std::none_of(data.names[k].names.begin(), data.names[k].names.end(),
                     [&](std::string_view name) { return part_of(name, split_seed) == Part::training; }))
      throw Failure{folder + ": " + data.languages[k] +
                    " has no name to train on; add names, or try another --split_seed"};
}

// Makes the folder and tries to write in it, before the time that training takes is spent.
void check_writable(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Failure{folder.string() + ": " + error.message() + "; name another folder with --model_dir"};
  const fs::path trial = folder / "rnn.txt.tmp";
  errno = 0;
  if (!std::ofstream(trial)) throw Failure{folder.string() + ": can't write in it: " + reason()};
  fs::remove(trial, error);
  for (const char* name : {"rnn.txt", "history.csv", "report.svg"})
    if (fs::is_directory(folder / name))
      throw Failure{(folder / name).string() + ": a folder, where a file will be written"};
}

// The letters of the training names, rising.
Alphabet collect_alphabet(const Data& data, std::uint64_t split_seed) {
  std::set<char32_t> letters;
  for (const NameList& list : data.names)
    for (const std::string_view name : list.names)
      if (part_of(name, split_seed) == Part::training) {
        const std::u32string decoded = *decode_utf8(name);
        letters.insert(decoded.begin(), decoded.end());
      }
  return Alphabet(std::u32string(letters.begin(), letters.end()));
}

// The memory that training takes, in bytes, about: parameters with velocity, copies and gradients, and activations.
double training_bytes(const Settings& settings, size_t symbols, size_t languages, size_t longest) {
  const double hidden = static_cast<double>(Matrix<float>::padded(settings.hidden));
  const double outputs = static_cast<double>(Matrix<float>::padded(languages));
  const double parameters = hidden * static_cast<double>(symbols + settings.hidden + languages);
  const double shards =
      static_cast<double>(std::min((settings.batch_size + slice_names - 1) / slice_names, most_shards));
  const double rows = static_cast<double>(slice_names * longest);
  return 4 * (parameters * (5 + shards) + shards * rows * (4 * hidden + 3 * outputs) + outputs * outputs);
}

void train(const Options& options, Team& team) {
  const Settings& settings = options.settings;
  const fs::path folder = options.model_dir;
  const Data data = load_data(options.data_dir);
  check_languages(data, options.data_dir, settings.split_seed);
  Model model{0, settings.split_seed, data.languages, collect_alphabet(data, settings.split_seed), {}};
  const Parts parts = make_parts(data, model.languages, model.alphabet, settings.split_seed);
  const Examples &training_part = parts[0], &validation_part = parts[1], &test_part = parts[2];
  const double bytes =
      training_bytes(settings, model.alphabet.symbols(), model.languages.size(), training_part.longest());
  if (bytes > 16e9)
    throw Failure{format("training would take %.0f GB of memory, and 16 are allowed; lower --hidden_dim", bytes / 1e9)};
  check_writable(folder);
  size_t repeats = 0;
  for (const NameList& list : data.names) repeats += list.repeats;
  std::printf("%zu languages, %zu letters, %zu names to train on, %zu to validate, %zu to test; %zu repeats ignored\n",
              model.languages.size(), model.alphabet.letters().size(), training_part.size(), validation_part.size(),
              test_part.size(), repeats);
  std::fflush(stdout);

  SplitMix64 random{settings.seed};
  Training<float> training(
      settings, initial_parameters<float>(model.alphabet.symbols(), settings.hidden, model.languages.size(), random),
      training_part.longest());
  std::vector<size_t> order(training_part.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const size_t batches = (order.size() + settings.batch_size - 1) / settings.batch_size;
  std::vector<EpochReport> history;
  double lowest = std::numeric_limits<double>::infinity();
  for (size_t epoch = 0; epoch < settings.epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    const auto report = train_epoch(training, training_part, order, epoch, random, team, ProgressBar());
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (!std::isfinite(report.norm) || !std::isfinite(report.score.loss))
      throw Failure{
          format("training diverged in epoch %zu: the loss or the gradient is no longer finite; lower "
                 "--learning_rate or --clip_norm (models of earlier epochs stay)",
                 epoch + 1)};
    const Score validation = evaluate(training.network, validation_part, team).score;
    history.push_back({learning_rate(settings, epoch * batches, settings.epochs * batches), seconds.count(),
                       report.score, validation});
    print_epoch(history.back(), epoch + 1, settings.epochs);
    model.epoch = epoch + 1;
    model.parameters = training.network.parameters;
    const std::string text = write_model(model);
    write_file(folder / format("rnn_epoch%zu.txt", epoch + 1), text);
    const double selection = validation.names > 0 ? validation.mean_loss() : report.score.mean_loss();
    if (selection < lowest) write_file(folder / "rnn.txt", text);
    lowest = std::min(lowest, selection);
    write_file(folder / "history.csv", history_csv(history));
  }
  const Model best = load_model((folder / "rnn.txt").string());
  const Evaluation test = evaluate(Network<float>(best.parameters), test_part, team);
  print_test_line(test);
  write_file(folder / "report.svg", draw_report(history, test, model.languages));
}

// ---------------------------------------------------------------------------------------------------------------------
// 7. Modes
// ---------------------------------------------------------------------------------------------------------------------

void test(const Options& options, Team& team) {
  const Model model = load_model(options.model_path);
  const Data data = load_data(options.data_dir);
  for (const std::string& language : data.languages)
    if (!std::binary_search(model.languages.begin(), model.languages.end(), language))
      throw Failure{options.data_dir + ": " + language + " is no language of the model " + options.model_path};
  const Parts parts = make_parts(data, model.languages, model.alphabet, model.split_seed);
  const Evaluation result = evaluate(Network<float>(model.parameters), parts[static_cast<size_t>(Part::test)], team);
  print_test_line(result);
  print_languages(result.confusion, model.languages);
  print_confusion(result.confusion, model.languages);
  print_worst_confusions(result.confusion, model.languages, 10);
}

// The languages of a row of probabilities, likeliest first.
std::vector<size_t> ranking(const float* y, size_t languages) {
  std::vector<size_t> order(languages);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return y[a] > y[b]; });
  return order;
}

// The code points of a name on the command line.
std::u32string parse_name(const std::string& name) {
  std::u32string letters;
  const std::string_view trimmed = trim(name);
  if (trimmed.empty()) throw Failure{"an empty name", 2};
  if (const std::string error = check_name(trimmed, letters); !error.empty())
    throw Failure{"`" + name + "`: " + error, 2};
  return letters;
}

void predict_names(const Options& options, const Model& model, const Network<float>& network, Team& team) {
  Examples examples;
  for (const std::string& name : options.names) examples.add(model.alphabet.encode(parse_name(name)), 0);
  std::vector<std::vector<float>> answers(examples.size());
  classify(network, examples, team,
           [&](size_t i, const float*, const float* y) { answers[i].assign(y, y + model.languages.size()); });
  for (size_t i = 0; i < answers.size(); ++i) {
    std::printf("%s%s\n", i > 0 ? "\n" : "", options.names[i].c_str());
    const std::vector<size_t> order = ranking(answers[i].data(), answers[i].size());
    for (size_t k = 0; k < std::min(options.top, order.size()); ++k) {
      const double share = answers[i][order[k]];
      std::printf("  %s %5.1f%%  %s\n", fit(model.languages[order[k]], 16).c_str(), 100 * share,
                  bar(share, 40).c_str());
    }
  }
}

// Lines that wait for their answers, and the text that becomes of them.
struct Waiting {
  std::vector<std::string> lines;
  std::vector<size_t> example;  // of each line, or npos for one that is written back as it is
  Examples examples;
};

void answer_lines(Waiting& waiting, const Model& model, const Network<float>& network, Team& team) {
  std::vector<std::string> answers(waiting.examples.size());
  classify(network, waiting.examples, team, [&](size_t i, const float*, const float* y) {
    const size_t best = likeliest(y, model.languages.size());
    std::array<char, 32> digits;
    char* const end = std::to_chars(digits.begin(), digits.end(), y[best], std::chars_format::fixed, 6).ptr;
    answers[i].append(1, '\t').append(model.languages[best]).append(1, '\t').append(digits.data(), end);
  });
  std::string out;
  for (size_t i = 0; i < waiting.lines.size(); ++i) {
    out += waiting.lines[i];
    if (waiting.example[i] != std::string::npos) out += answers[waiting.example[i]];
    out += '\n';
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
  std::fflush(stdout);
  waiting = {};
}

// Reads a line less its ending; keeps no more than the first `most` bytes of it. False at the end of the input.
bool read_line(std::streambuf& input, std::string& line, size_t most, bool& cut) {
  constexpr int end = std::char_traits<char>::eof();
  line.clear();
  cut = false;
  int c = input.sbumpc();
  if (c == end) return false;
  for (; c != end && c != '\n'; c = input.sbumpc())
    if (line.size() < most)
      line += static_cast<char>(c);
    else
      cut = true;
  if (line.ends_with('\r')) line.pop_back();
  return true;
}

// A filter: a line out for each line in, in order. Answers are written as soon as no more input waits.
void predict_lines(const Model& model, const Network<float>& network, Team& team) {
  std::ios::sync_with_stdio(false);
  std::streambuf& input = *std::cin.rdbuf();
  Waiting waiting;
  std::string line;
  std::u32string letters;
  bool cut = false, failed = false;
  for (size_t number = 1; read_line(input, line, 8 * longest_name, cut); ++number) {
    const std::string_view name = trim(line);
    std::string error =
        cut ? "a line of more than " + std::to_string(8 * longest_name) + " bytes" : check_name(name, letters);
    if (error.empty() && line.find('\t') != line.npos) error = "a TAB, which parts the fields of the answer";
    const bool blank = error.empty() && name.empty();
    waiting.example.push_back(blank || !error.empty() ? std::string::npos : waiting.examples.size());
    if (!error.empty()) {
      std::fprintf(stderr, "rnn: standard input:%zu: %s\n", number, error.c_str());
      const bool echo = !cut && line.find('\t') == line.npos && decode_utf8(line);
      line = (echo ? line : "?") + "\t?\t0";
      failed = true;
    } else if (!blank) {
      waiting.examples.add(model.alphabet.encode(letters), 0);
    }
    waiting.lines.push_back(line);
    if (waiting.lines.size() >= 8192 || waiting.examples.symbols.size() > (1 << 18) || input.in_avail() <= 0)
      answer_lines(waiting, model, network, team);
    if (std::ferror(stdout)) throw Failure{"", 1};  // whoever read the answers has gone
  }
  answer_lines(waiting, model, network, team);
  if (failed) throw Failure{"", 1};
}

void predict(const Options& options, Team& team) {
  const Model model = load_model(options.model_path);
  const Network<float> network(model.parameters);
  if (options.names.empty())
    predict_lines(model, network, team);
  else
    predict_names(options, model, network, team);
}

// Follows one name through the network: forward to see what it believes after each letter, backward from the answer to
// see how much each step matters to it.
void trace(const Options& options) {
  if (options.names.size() != 1) throw Failure{"trace follows one name: ./rnn --mode trace Rodrigues", 2};
  const Model model = load_model(options.model_path);
  const Network<float> network(model.parameters);
  const Parameters<float>& p = network.parameters;
  const std::u32string letters = parse_name(options.names[0]);
  Examples examples;
  examples.add(model.alphabet.encode(letters), 0);
  Batch batch;
  pack(examples, {0}, 0, 1, 1, batch);
  const size_t steps = batch.steps();
  Activations<float> s(steps, p.hidden(), p.languages());
  Deltas<float> d(steps, p.hidden(), p.languages());
  Parameters<float> gradient(p.symbols(), p.hidden(), p.languages());
  forward_hidden(network, batch, s.h);
  forward_output(network, steps, s);
  batch.language[0] = static_cast<std::uint32_t>(likeliest(s.y.row(steps - 1), p.languages()));
  backward(network, batch, s, 0.0f, d, gradient);

  const size_t units = std::min<size_t>(16, p.hidden());
  std::printf(
      "After each letter: the three likeliest languages; the entropy in bits; |dL/dh|, how much the step matters\n"
      "to the answer, %s; and %zu of %zu hidden units, from -1 (blank) to 1 (full).\n\n",
      model.languages[batch.language[0]].c_str(), units, p.hidden());
  std::printf("%s entropy  |dL/dh|  hidden\n", fit("", 3 + 3 * 15).c_str());
  for (size_t t = 0; t < steps; ++t) {
    const float* y = s.y.row(t);
    const std::vector<size_t> order = ranking(y, p.languages());
    double entropy = 0, squares = 0;
    for (size_t k = 0; k < p.languages(); ++k) entropy -= y[k] > 0 ? y[k] * std::log2(y[k]) : 0;
    for (size_t j = 0; j < p.hidden(); ++j) squares += static_cast<double>(d.d_h(t, j)) * d.d_h(t, j);
    const bool known = batch.symbol[t] != unknown;
    std::printf("%s%c ", t < letters.size() ? fit(encode_utf8(letters[t]), 1).c_str() : "$", known ? ' ' : '?');
    for (size_t k = 0; k < 3; ++k)
      std::printf("%s",
                  k < order.size()
                      ? format("%s%3.0f%% ", fit(model.languages[order[k]], 10).c_str(), 100 * y[order[k]]).c_str()
                      : fit("", 15).c_str());
    std::printf("%8.2f %8.2g  ", entropy, std::sqrt(squares));
    for (size_t j = 0; j < units; ++j) std::printf("%s", shade((s.h(t, j) + 1) / 2).c_str());
    std::printf("\n");
  }
  std::printf("\n$ is the end of the name; ? marks a letter that training never saw.\n");
}

// The endings of 2 to 4 letters most typical of each language: those with the highest n log(p / q), where n counts the
// language's names with the ending, p is their share in the language, and q the share in all languages.
std::vector<std::string> typical_endings(const std::vector<std::map<std::u32string, size_t>>& counts,
                                         const std::map<std::u32string, size_t>& all_counts,
                                         const std::vector<size_t>& names, size_t all_names) {
  std::vector<std::string> typical;
  for (size_t k = 0; k < counts.size(); ++k) {
    std::vector<std::pair<double, std::u32string>> scores;
    for (const auto& [ending, n] : counts[k]) {
      const double p = static_cast<double>(n) / static_cast<double>(names[k]);
      const double q = static_cast<double>(all_counts.at(ending)) / static_cast<double>(all_names);
      scores.emplace_back(-static_cast<double>(n) * std::log(p / q), ending);
    }
    std::sort(scores.begin(), scores.end());
    std::string text;
    for (size_t i = 0; i < std::min<size_t>(3, scores.size()); ++i) {
      text += " -";
      for (const char32_t letter : scores[i].second) text += encode_utf8(letter);
    }
    typical.push_back(text);
  }
  return typical;
}

void explore(const Options& options) {
  const Data data = load_data(options.data_dir);
  const size_t languages = data.languages.size();
  std::vector<size_t> names(languages), letters(languages), longest(languages);
  std::vector<std::map<std::u32string, size_t>> endings(languages);
  std::map<std::u32string, size_t> all_endings;
  std::map<std::string_view, size_t> shared;  // in how many languages each name stands
  size_t all = 0, most = 0, several = 0, test_rows = 0, test_names = 0;
  for (size_t k = 0; k < languages; ++k)
    for (const std::string_view name : data.names[k].names) {
      const std::u32string decoded = *decode_utf8(name);
      ++names[k];
      ++all;
      letters[k] += decoded.size();
      longest[k] = std::max(longest[k], decoded.size());
      for (size_t n = 2; n <= std::min<size_t>(4, decoded.size()); ++n) {
        ++endings[k][decoded.substr(decoded.size() - n)];
        ++all_endings[decoded.substr(decoded.size() - n)];
      }
      ++shared[name];
    }
  for (const auto& [name, count] : shared) {
    several += count > 1;
    test_names += part_of(name, options.settings.split_seed) == Part::test;
    test_rows += part_of(name, options.settings.split_seed) == Part::test ? count : 0;
  }
  for (const size_t count : names) most = std::max(most, count);
  const std::vector<std::string> typical = typical_endings(endings, all_endings, names, all);
  std::printf("%s  Names   Share             Mean  Longest  Typical endings\n", fit("Language", 16).c_str());
  for (size_t k = 0; k < languages; ++k)
    std::printf("%s %6zu  %5.1f%%  %s %5.1f %8zu %s\n", fit(data.languages[k], 16).c_str(), names[k],
                100.0 * static_cast<double>(names[k]) / static_cast<double>(all),
                fit(bar(static_cast<double>(names[k]) / static_cast<double>(most), 10), 10).c_str(),
                static_cast<double>(letters[k]) / static_cast<double>(names[k]), longest[k], typical[k].c_str());
  std::printf("\n%zu names, %zu different ones, of which %zu stand in several languages.\n", all, shared.size(),
              several);
  if (test_rows > 0)
    std::printf("So no classifier can be right on more than %.1f%% of the test names (--split_seed %llu).\n",
                100.0 * static_cast<double>(test_names) / static_cast<double>(test_rows),
                static_cast<unsigned long long>(options.settings.split_seed));
  std::printf(
      "An ending is typical by n log(p / q): n names of the language have it, a share p, and a share q of all "
      "names.\n");
}

void gradcheck(const Options& options) {
  const Data data = load_data(options.data_dir);
  SplitMix64 random{options.settings.seed};
  std::vector<std::pair<std::u32string, size_t>> names;
  std::set<char32_t> letters;
  for (size_t i = 0; i < 8; ++i) {
    const size_t language = random.next() % data.languages.size();
    const auto& list = data.names[language].names;
    names.emplace_back(*decode_utf8(list[random.next() % list.size()]), language);
    letters.insert(names.back().first.begin(), names.back().first.end());
  }
  const Alphabet alphabet(std::u32string(letters.begin(), letters.end()));
  Examples examples;
  for (const auto& [name, language] : names) examples.add(alphabet.encode(name), language);
  const double prefix_weight = Settings{}.prefix_weight;
  const auto errors = check_gradient(initial_parameters<double>(alphabet.symbols(), 10, data.languages.size(), random),
                                     examples, prefix_weight);
  std::printf(
      "8 names, 10 hidden units, double precision, central differences; error relative to the largest entry of the "
      "gradient\n\nParameter     Shape  Entries     Error\n");
  bool good = true;
  for (const GradientError& e : errors) {
    const bool passed = e.error < 1e-7;
    good = good && passed;
    std::printf("%-9s %9s  %7zu  %8.1e  %s\n", e.name.c_str(), format("%zux%zu", e.rows, e.columns).c_str(),
                e.rows * e.columns, e.error, passed ? "ok" : "FAILED: over 1e-7");
  }
  if (!good) throw Failure{"a gradient disagrees with its central differences"};
}

// ---------------------------------------------------------------------------------------------------------------------
// 8. Options and main
// ---------------------------------------------------------------------------------------------------------------------

enum class Kind { text, choice, integer, real };

// The one table of options: --help, parsing and checking all read it. Modes are named by their first letter.
struct Option {
  const char* name;
  Kind kind;
  const char* range;    // as --help shows it; of a choice, the words
  const char* initial;  // the default
  const char* modes;    // that read it
  const char* help;
  double lowest = 0, highest = 0;     // of a number
  bool above = false, below = false;  // whether the bounds themselves are out of range
};

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr Option option_table[] = {
    {"mode", Kind::choice, "train test predict trace explore gradcheck", "train", "", "what to do"},
    {"data_dir", Kind::text, "folder", "data/", "train test explore gradcheck", "the names, also as an argument"},
    {"model_path", Kind::text, "file", "models/rnn.txt", "test predict trace", "the model to use"},
    {"model_dir", Kind::text, "folder", "models", "train", "where training writes"},
    {"hidden_dim", Kind::integer, "1 to 4096", "128", "train", "hidden units", 1, most_hidden},
    {"epochs", Kind::integer, "1 to 1000000", "10", "train", "passes over the names", 1, 1e6},
    {"batch_size", Kind::integer, "1 to 1000000", "32", "train", "names a step", 1, 1e6},
    {"learning_rate", Kind::real, "above 0", "0.007", "train", "size of a step", 0, infinity, true, true},
    {"clip_norm", Kind::real, "above 0", "14", "train", "longest gradient", 0, infinity, true, true},
    {"momentum", Kind::real, "0 to below 1", "0.9", "train", "what a step keeps of the last", 0, 1, false, true},
    {"prefix_weight", Kind::real, "0 to 1", "0.15", "train", "loss weight of the earlier steps", 0, 1},
    {"decay", Kind::choice, "linear none", "linear", "train", "how the learning rate falls"},
    {"seed", Kind::integer, "0 to 2^64-1", "1", "", "of initial values and shuffles", 0, 0x1p64, false, true},
    {"split_seed", Kind::integer, "0 to 2^64-1", "1", "train explore", "of the split of the names", 0, 0x1p64, false,
     true},
    {"threads", Kind::integer, "1 to 1024", "all cores", "", "threads", 1, 1024},
    {"top", Kind::integer, "1 to 1000000", "3", "predict", "languages to show", 1, 1e6},
};

bool has_word(std::string_view words, std::string_view word) {
  return (' ' + std::string(words) + ' ').find(' ' + std::string(word) + ' ') != std::string::npos;
}

void print_help() {
  std::printf(
      "rnn learns which language a name comes from, letter by letter.\n\n"
      "usage: ./rnn [--mode MODE] [options] [DATA_DIR | NAME...]\n\n"
      "  ./rnn data/                              train on a folder, test, save models\n"
      "  ./rnn --mode test data/                  tables and confusions of a saved model\n"
      "  ./rnn --mode predict Rodrigo Rodrigues   the likeliest languages of names\n"
      "  ./rnn --mode predict <names.txt          a filter: name, language, probability\n"
      "  ./rnn --mode trace Rodrigues             what the network believes at each letter\n"
      "  ./rnn --mode explore data/               describe the data\n"
      "  ./rnn --mode gradcheck data/             check the gradients by differences\n\n"
      "  option           range             default         meaning\n");
  for (const Option& option : option_table)
    std::printf("  --%-14s %-17s %-15s %s\n", option.name,
                option.kind != Kind::choice ? option.range
                : option.modes[0]           ? "linear, none"
                                            : "see above",
                option.initial, option.help);
  std::printf(
      "  --help                                             this text\n\n"
      "Read by one mode or several:\n");
  for (const std::string mode : {"train", "test", "predict", "trace", "explore", "gradcheck"}) {
    std::printf("  %-10s", mode.c_str());
    size_t column = 12;
    for (const Option& option : option_table)
      if (has_word(option.modes, mode)) {
        if (column + std::string_view(option.name).size() > 77) {
          std::printf("\n%s", fit("", 12).c_str());
          column = 12;
        }
        column += static_cast<size_t>(std::printf(" %s", option.name));
      }
    std::printf("\n");
  }
  std::printf("Every mode takes --seed and --threads. Exit status: 0 done, 1 failed, 2 wrong command line.\n");
}

// How many letters must be added, dropped or changed (Levenshtein 1966) to make a word of another.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j)
      diagonal = std::exchange(row[j + 1], std::min({row[j + 1] + 1, row[j] + 1, diagonal + (a[i] != b[j])}));
  }
  return row.back();
}

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  return *std::min_element(known.begin(), known.end(), [&](const std::string& a, const std::string& b) {
    return edit_distance(word, a) < edit_distance(word, b);
  });
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (size_t end; !text.empty(); text.remove_prefix(std::min(end + 1, text.size()))) {
    end = std::min(text.find(' '), text.size());
    words.emplace_back(text.substr(0, end));
  }
  return words;
}

const Option& find_option(const std::string& name) {
  std::vector<std::string> names{"help"};
  for (const Option& option : option_table) {
    if (name == option.name) return option;
    names.emplace_back(option.name);
  }
  throw Failure{"no option --" + name + "; the nearest is --" + nearest(name, names), 2};
}

// Refuses a value that the table does not allow.
void check_value(const Option& option, const std::string& value) {
  const std::string what = "--" + std::string(option.name) + " " + value;
  if (option.kind == Kind::text && value.empty()) throw Failure{what + ": empty, and should be a " + option.range, 2};
  if (option.kind == Kind::choice && !has_word(option.range, value))
    throw Failure{what + ": unknown; the nearest is " + nearest(value, words_of(option.range)), 2};
  if (option.kind == Kind::text || option.kind == Kind::choice) return;
  const bool integer = option.kind == Kind::integer;
  const char* digits = integer ? "0123456789" : "0123456789+-.eE";
  char* end = nullptr;
  const double number = std::strtod(value.c_str(), &end);
  std::uint64_t exact = 0;
  const bool fits = !integer || std::from_chars(value.data(), value.data() + value.size(), exact).ec == std::errc{};
  if (value.empty() || value.find_first_not_of(digits) != value.npos || *end != '\0' || !fits ||
      number < option.lowest || number > option.highest || (option.above && number <= option.lowest) ||
      (option.below && !integer && number >= option.highest))
    throw Failure{what + ": should be " + (integer ? "a whole number, " : "a number, ") + option.range, 2};
}

// Values by option, defaults filled in, and the arguments that are no options.
struct CommandLine {
  std::map<std::string, std::string> values;
  std::vector<std::string> arguments;
};

CommandLine parse_command_line(const std::vector<std::string>& words) {
  CommandLine line;
  size_t i = 0;
  for (; i < words.size() && words[i] != "--"; ++i) {
    if (!words[i].starts_with("-") || words[i] == "-") {
      line.arguments.push_back(words[i]);
      continue;
    }
    if (!words[i].starts_with("--")) throw Failure{"no option " + words[i] + "; options start with --, see --help", 2};
    const size_t equals = words[i].find('=');
    const Option& option = find_option(words[i].substr(2, equals == words[i].npos ? equals : equals - 2));
    if (equals == words[i].npos && i + 1 == words.size())
      throw Failure{words[i] + ": a value is missing, " + option.range, 2};
    line.values[option.name] = equals == words[i].npos ? words[++i] : words[i].substr(equals + 1);
    check_value(option, line.values[option.name]);
  }
  for (++i; i < words.size(); ++i) line.arguments.push_back(words[i]);
  const std::string mode = line.values.contains("mode") ? line.values["mode"] : "train";
  for (const auto& [name, value] : line.values)
    if (const Option& option = find_option(name); option.modes[0] != '\0' && !has_word(option.modes, mode))
      throw Failure{"--" + name + " means nothing to mode " + mode + "; it is for " + option.modes, 2};
  for (const Option& option : option_table) line.values.emplace(option.name, option.initial);
  return line;
}

Options make_options(CommandLine line) {
  auto& values = line.values;
  const auto integer = [&](const char* name) { return std::strtoull(values[name].c_str(), nullptr, 10); };
  const auto size = [&](const char* name) { return static_cast<size_t>(integer(name)); };
  const auto real = [&](const char* name) { return std::strtod(values[name].c_str(), nullptr); };
  Options options{
      values["mode"], values["data_dir"], values["model_path"], values["model_dir"], {}, 0, size("top"), {}};
  options.settings = {size("hidden_dim"), size("epochs"),       size("batch_size"),    real("learning_rate"),
                      real("momentum"),   real("clip_norm"),    real("prefix_weight"), values["decay"] == "linear",
                      integer("seed"),    integer("split_seed")};
  options.threads =
      std::max<size_t>(1, values["threads"] == "all cores" ? std::thread::hardware_concurrency() : size("threads"));
  if (options.mode == "predict" || options.mode == "trace") {
    options.names = line.arguments;
  } else if (!line.arguments.empty()) {
    options.data_dir = line.arguments[0];
    if (line.arguments.size() > 1)
      throw Failure{"one folder, please: " + line.arguments[0] + " or " + line.arguments[1], 2};
  }
  return options;
}

void run_mode(const Options& options) {
  const size_t slices = (options.settings.batch_size + slice_names - 1) / slice_names;
  const size_t useful = options.mode == "train" ? std::min(slices, most_shards) : most_tasks;
  const bool alone = options.mode == "trace" || options.mode == "explore" || options.mode == "gradcheck";
  Team team(alone ? 1 : std::min(options.threads, useful));
  if (options.mode == "train") train(options, team);
  if (options.mode == "test") test(options, team);
  if (options.mode == "predict") predict(options, team);
  if (options.mode == "trace") trace(options);
  if (options.mode == "explore") explore(options);
  if (options.mode == "gradcheck") gradcheck(options);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (std::find(words.begin(), std::find(words.begin(), words.end(), "--"), "--help") !=
        std::find(words.begin(), words.end(), "--"))
      print_help();
    else
      run_mode(make_options(parse_command_line(words)));
    if (std::fflush(stdout) != 0 || std::ferror(stdout)) throw Failure{"standard output: " + reason()};
    return 0;
  } catch (const Failure& failure) {
    std::fflush(stdout);
    if (!failure.what.empty()) std::fprintf(stderr, "rnn: %s\n", failure.what.c_str());
    return failure.status;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "rnn: out of memory; lower --hidden_dim or --batch_size\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rnn: %s\n", error.what());
  }
  return 1;
}
