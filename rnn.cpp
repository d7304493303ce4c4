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
#include <iterator>
#include <map>
#include <set>
#include <sstream>
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

// ---- 1. Files -------------------------------------------------------------------------------------------------------

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
    for (const char byte : std::string_view(block.data(), static_cast<size_t>(file.gcount()))) {
      text += byte;
      if (byte == '\n') {
        line_start = text.size();
        ++line;
      } else if (text.size() - line_start > longest_line) {
        throw Failure{path.string() + ":" + std::to_string(line) + ": a line of more than " +
                      std::to_string(longest_line) + " bytes"};
      }
    }
  }
  if (!file.eof()) throw Failure{path.string() + ": " + reason()};
  return text;
}

// Replaces a file in one step: a reader, or a run that is killed, finds the old file or the new one and never a part.
void write_file(const fs::path& path, std::string_view text) {
  const fs::path temporary = path.string() + ".tmp";
  std::error_code error;
  errno = 0;
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  if (!file) {
    const std::string why = reason();
    fs::remove(temporary, error);
    throw Failure{temporary.string() + ": " + why};
  }
  fs::rename(temporary, path, error);
  if (error) throw Failure{path.string() + ": " + error.message()};
}

// What a folder of names holds: for language k, names[k], which point into texts[k].
struct Data {
  std::vector<std::string> languages;  // in byte order
  std::vector<std::string> texts;
  std::vector<NameList> names;
};

Data load_data(const std::string& folder) {
  std::error_code error;
  std::map<std::string, fs::path> files;  // by language
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (entry->path().extension() == ".txt") files.emplace(entry->path().stem().string(), entry->path());
  if (error) throw Failure{folder + ": " + error.message() + "; name a folder with a file of names for each language"};
  if (files.empty()) throw Failure{folder + ": no *.txt in it; it needs a file such as Polish.txt for each language"};
  Data data;
  data.texts.reserve(files.size());  // names point into them, so they must not move
  for (const auto& [language, path] : files) {
    if (language.find_first_of(white_space) != language.npos || !decode_utf8(language))
      throw Failure{path.string() + ": a file's name is its language, in UTF-8 and without white space"};
    data.languages.push_back(language);
    data.texts.push_back(read_file(path, 8 * longest_name));
    try {
      data.names.push_back(read_names(data.texts.back()));
    } catch (const TextError& wrong) {
      throw Failure{path.string() + (wrong.line > 0 ? ":" + std::to_string(wrong.line) : "") + ": " + wrong.what()};
    }
  }
  return data;
}

// Calls f(name, k) with every name of a part of the data and the index of its language.
template <class F>
void for_each_name(const Data& data, Part part, std::uint64_t split_seed, F f) {
  for (size_t k = 0; k < data.languages.size(); ++k)
    for (const std::string_view name : data.names[k].names)
      if (part_of(name, split_seed) == part) f(name, k);
}

// The examples of a part. The languages of the data are those of the model, or some of them.
Examples make_examples(const Data& data, const Model& model, Part part) {
  Examples examples;
  for_each_name(data, part, model.split_seed, [&](std::string_view name, size_t k) {
    const auto language = std::lower_bound(model.languages.begin(), model.languages.end(), data.languages[k]);
    examples.add(model.alphabet.encode(*decode_utf8(name)), static_cast<size_t>(language - model.languages.begin()));
  });
  return examples;
}

Model load_model(const std::string& path) {
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    throw Failure{path + ": no such file; train first, or name a model with --model_path"};
  try {
    return read_model(read_file(path, 1 << 25));
  } catch (const TextError& wrong) {
    throw Failure{path + ":" + std::to_string(wrong.line) + ": " + wrong.what()};
  }
}

// ---- 2. Threads -----------------------------------------------------------------------------------------------------

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
    failing.clear();
    if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
  }

 private:
  static void wait(std::atomic<size_t>& value, size_t old, size_t& spins) {
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

// ---- 3. Printing ----------------------------------------------------------------------------------------------------

template <class... Values>
std::string format(const char* pattern, Values... values) {
  std::string text(static_cast<size_t>(std::snprintf(nullptr, 0, pattern, values...)), '\0');
  std::snprintf(text.data(), text.size() + 1, pattern, values...);
  return text;
}

// UTF-8 text cut or filled with blanks to a width in letters, on its right or on its left.
std::string fit(const std::string& text, size_t width, bool on_the_left = false) {
  size_t letters = 0, bytes = 0;
  for (; bytes < text.size() && letters < width; ++letters)
    for (++bytes; bytes < text.size() && (text[bytes] & 0xc0) == 0x80;) ++bytes;
  const std::string blanks(width - letters, ' ');
  return on_the_left ? blanks + text.substr(0, bytes) : text.substr(0, bytes) + blanks;
}

// A share of 0 to 1 in one of five shades.
std::string shade(double share) {
  static const char* const shades[] = {" ", "░", "▒", "▓", "█"};
  return shades[static_cast<size_t>(std::clamp(share * 5, 0.0, 4.0))];
}

std::string bar(double share, size_t width) {
  std::string text;
  for (long left = std::lround(share * static_cast<double>(width)); left > 0; --left) text += "█";
  return text;
}

double ratio(size_t part, size_t whole) { return static_cast<double>(part) / static_cast<double>(whole); }

std::string percent(double fraction) { return std::isnan(fraction) ? "–" : format("%.1f%%", 100 * fraction); }

// ---- 4. Evaluation and its tables -----------------------------------------------------------------------------------

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
    const size_t right = confusion(k, k), support = confusion.support(k);
    const std::string f1 = support == 0 ? "–" : percent(confusion.f1(k));
    std::printf("%3zu %s  %s %s %s  %7zu\n", k + 1, fit(languages[k], 16).c_str(),
                fit(percent(ratio(right, confusion.predictions(k))), 9, true).c_str(),
                fit(percent(ratio(right, support)), 7, true).c_str(), fit(f1, 7, true).c_str(), support);
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
      const double share = ratio(confusion(i, k), std::max<size_t>(1, confusion.support(i)));
      const long cell = std::lround(100 * share);
      std::printf("%s", cell == 100 ? "100" : cell == 0 ? "  ·" : format("%s%2ld", shade(share).c_str(), cell).c_str());
    }
  }
  std::printf("\n");
}

void print_worst_confusions(const Confusion& confusion, const std::vector<std::string>& languages, size_t most) {
  std::vector<std::array<size_t, 2>> pairs;  // true and predicted
  for (size_t i = 0; i < languages.size(); ++i)
    for (size_t k = 0; k < languages.size(); ++k)
      if (i != k && confusion(i, k) > 0) pairs.push_back({i, k});
  const auto share = [&](const auto& pair) { return ratio(confusion(pair[0], pair[1]), confusion.support(pair[0])); };
  std::stable_sort(pairs.begin(), pairs.end(), [&](const auto& a, const auto& b) { return share(a) > share(b); });
  std::printf("\nWorst confusions:\n%s", pairs.empty() ? "  none\n" : "");
  for (size_t n = 0; n < std::min(most, pairs.size()); ++n) {
    const auto [i, k] = pairs[n];
    std::printf("  %s taken for %s: %.0f%% (%zu of %zu names)\n", languages[i].c_str(), languages[k].c_str(),
                100 * share(pairs[n]), confusion(i, k), confusion.support(i));
  }
}

// ---- 5. Picture -----------------------------------------------------------------------------------------------------

// What an epoch left: a line of history.csv and of the terminal. Without validation names their figures are not
// numbers.
struct EpochReport {
  double learning_rate, seconds;
  Score training, validation;
};

struct Svg {
  std::string body;

  void text(double x, double y, const std::string& attributes, const std::string& content) {
    body += format("<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, attributes.c_str());
    for (const char c : content) body += c == '<' ? "&lt;" : c == '&' ? "&amp;" : std::string(1, c);
    body += "</text>\n";
  }
  void box(double x, double y, double width, double height, const std::string& attributes) {
    body += format("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" %s/>\n", x, y, width, height,
                   attributes.c_str());
  }
};

// The losses by epoch.
void draw_losses(Svg& svg, const std::vector<EpochReport>& history, double left, double top) {
  constexpr double width = 420, height = 300;
  double highest = 0.1;
  for (const EpochReport& epoch : history)
    for (const double loss : {epoch.training.mean_loss(), epoch.validation.mean_loss()})
      if (loss > highest) highest = loss;
  const double unit = std::pow(10, std::floor(std::log10(highest))) / 2, limit = std::ceil(highest / unit) * unit;
  svg.text(left - 40, top - 14, "", "loss (nats per name)");
  for (int k = 0; k <= 5; ++k) {
    const double y = top + height * (5 - k) / 5;
    svg.box(left, y, width, 1, k == 0 ? "" : "fill=\"#ddd\"");
    svg.text(left - 8, y + 4, "text-anchor=\"end\"", format("%.3g", limit * k / 5));
  }
  const double steps = static_cast<double>(std::max<size_t>(2, history.size()) - 1);
  const auto x_of = [&](size_t epoch) { return left + static_cast<double>(epoch - 1) / steps * width; };
  for (size_t epoch = 1, every = (history.size() + 9) / 10; epoch <= history.size(); epoch += every)
    svg.text(x_of(epoch), top + height + 20, "text-anchor=\"middle\"", std::to_string(epoch));
  svg.text(left + width / 2, top + height + 42, "text-anchor=\"middle\"", "epoch");
  for (const bool validation : {false, true}) {
    const std::string colour = validation ? "\"#d9622b\"" : "\"#1f6fb4\"";
    std::string points;
    for (size_t epoch = 1; epoch <= history.size(); ++epoch) {
      const EpochReport& report = history[epoch - 1];
      const double loss = (validation ? report.validation : report.training).mean_loss();
      if (!std::isfinite(loss)) continue;
      const double x = x_of(epoch), y = top + height * (1 - loss / limit);
      points += format("%.1f,%.1f ", x, y);
      if (history.size() <= 30) svg.box(x - 3, y - 3, 6, 6, "rx=\"3\" fill=" + colour);
    }
    svg.body += "<polyline points=\"" + points + "\" fill=\"none\" stroke-width=\"2\" stroke=" + colour + "/>\n";
    const double legend = left + (validation ? 220 : 90);
    svg.box(legend, top + height + 66, 14, 4, "fill=" + colour);
    svg.text(legend + 20, top + height + 72, "", validation ? "validation" : "training");
  }
}

void draw_confusion(Svg& svg, const Confusion& confusion, const std::vector<std::string>& languages, double left,
                    double top, double cell) {
  svg.text(left, top - 124, "", "confusion: rows true, columns predicted, per cent of the row");
  for (size_t i = 0; i < languages.size(); ++i) {
    const double at = static_cast<double>(i) * cell, x = left + at + 13, y = top - 6;
    svg.text(left - 6, top + at + 13, "text-anchor=\"end\"", fit(languages[i], 14));
    svg.text(x, y, format("transform=\"rotate(-90 %.1f %.1f)\"", x, y), fit(languages[i], 14));
    for (size_t k = 0; k < languages.size(); ++k) {
      if (confusion(i, k) == 0) continue;
      const double share = ratio(confusion(i, k), confusion.support(i)), column = left + static_cast<double>(k) * cell;
      svg.box(column, top + at, cell, cell, format("fill=\"#1f6fb4\" fill-opacity=\"%.2f\"", 0.06 + 0.94 * share));
      svg.text(column + cell / 2, top + at + 12,
               std::string("font-size=\"9\" text-anchor=\"middle\"") + (share > 0.45 ? " fill=\"#fff\"" : ""),
               format("%.0f", 100 * share));
    }
  }
  const double size = cell * static_cast<double>(languages.size());
  svg.box(left, top, size, size, "fill=\"none\" stroke=\"#999\"");
}

// report.svg: the loss curves on the left, the confusion matrix on the right.
std::string draw_report(const std::vector<EpochReport>& history, const Evaluation& test,
                        const std::vector<std::string>& languages) {
  const double left = 60, top = 70, cell = 18, matrix_left = 650, matrix_top = 180;
  const double size = cell * static_cast<double>(languages.size());
  Svg svg;
  svg.body = format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" font-family=\"sans-serif\" "
      "font-size=\"12\" fill=\"#222\">\n",
      matrix_left + std::max(400.0, size + 40), std::max(480.0, matrix_top + size + 40));
  svg.body += "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
  svg.text(left, 30, "font-size=\"17\" font-weight=\"bold\"",
           test.score.names == 0 ? std::string("No test names")
                                 : format("Test accuracy %.1f%%, macro F1 %.1f%% on %zu names the network never saw",
                                          test.score.accuracy(), 100 * test.confusion.macro_f1(), test.score.names));
  draw_losses(svg, history, left, top);
  draw_confusion(svg, test.confusion, languages, matrix_left, matrix_top, cell);
  return svg.body + "</svg>\n";
}

// ---- 6. Training ----------------------------------------------------------------------------------------------------

// The command line, checked.
struct Options {
  std::string mode, data_dir, model_path, model_dir;
  Settings settings;
  size_t threads = 1, top = 3;
  std::vector<std::string> names;
};

// A bar that grows on standard error by appending, from the moment an epoch has lasted two seconds.
struct ProgressBar {
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  size_t drawn = 0;

  void operator()(size_t done, size_t all) {
    if (std::chrono::steady_clock::now() - start < std::chrono::seconds(2)) return;
    for (; drawn < 50 * done / all; ++drawn) std::fputs("█", stderr);
    if (done == all) std::fputc('\n', stderr);
  }
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
    if (fs::is_directory(folder / name, error))
      throw Failure{(folder / name).string() + ": a folder, where a file will be written"};
}

void check_languages(const Data& data, const std::string& folder) {
  if (data.languages.size() < 2)
    throw Failure{folder + ": one language alone, " + data.languages[0] + "; there is nothing to tell it from"};
}

// A model with the languages and the letters of the training names, not yet trained.
Model new_model(const Data& data, const std::string& folder, std::uint64_t split_seed) {
  check_languages(data, folder);
  std::set<char32_t> letters;
  std::set<size_t> trained;
  for_each_name(data, Part::training, split_seed, [&](std::string_view name, size_t k) {
    const std::u32string decoded = *decode_utf8(name);
    letters.insert(decoded.begin(), decoded.end());
    trained.insert(k);
  });
  for (size_t k = 0; k < data.languages.size(); ++k)
    if (!trained.contains(k))
      throw Failure{folder + ": " + data.languages[k] +
                    " has no name to train on; add names, or try another --split_seed"};
  return {0, split_seed, data.languages, Alphabet(std::u32string(letters.begin(), letters.end())), {}};
}

// Refuses training that would take more than 16 GB: parameters, velocity, copies, and for each shard a gradient and
// what it computes.
void check_memory(const Settings& settings, size_t symbols, size_t languages, size_t longest) {
  const size_t slices = (settings.batch_size + slice_names - 1) / slice_names, shards = std::min(slices, most_shards);
  const double hidden = static_cast<double>(settings.hidden), outputs = static_cast<double>(languages);
  const double parameters = hidden * static_cast<double>(symbols + settings.hidden + languages);
  const double rows = static_cast<double>((shards + 1) * slice_names * longest);  // 1: evaluation
  const double gigabytes =
      4e-9 * (parameters * static_cast<double>(5 + shards) + 3 * rows * (hidden + outputs) + outputs * outputs);
  if (gigabytes > 16)
    throw Failure{format("training would take %.0f GB of memory, and 16 are allowed; lower --hidden_dim", gigabytes)};
}

void train(const Options& options, Team& team) {
  const Settings& settings = options.settings;
  const fs::path folder = options.model_dir;
  const Data data = load_data(options.data_dir);
  Model model = new_model(data, options.data_dir, settings.split_seed);
  const Examples training_part = make_examples(data, model, Part::training);
  const Examples validation_part = make_examples(data, model, Part::validation);
  const Examples test_part = make_examples(data, model, Part::test);
  const size_t symbols = model.alphabet.symbols(), languages = model.languages.size();
  const size_t longest = std::max({training_part.longest(), validation_part.longest(), test_part.longest()});
  check_memory(settings, symbols, languages, longest);
  check_writable(folder);
  size_t repeats = 0;
  for (const NameList& list : data.names) repeats += list.repeats;
  std::printf("%zu languages, %zu letters, %zu names to train on, %zu to validate, %zu to test; %zu repeats ignored\n",
              languages, symbols - 1, training_part.size(), validation_part.size(), test_part.size(), repeats);
  std::fflush(stdout);

  SplitMix64 random{settings.seed};
  Training<float> training(settings, initial_parameters<float>(symbols, settings.hidden, languages, random),
                           training_part.longest());
  std::vector<size_t> order(training_part.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const size_t batches = (order.size() + settings.batch_size - 1) / settings.batch_size;
  std::vector<EpochReport> history;
  Model best;
  double lowest = std::numeric_limits<double>::infinity();
  for (size_t epoch = 0; epoch < settings.epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    const auto report = train_epoch(training, training_part, order, epoch, random, team, ProgressBar());
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    const Score validation = evaluate(training.network, validation_part, team).score;
    const double selection = validation.names > 0 ? validation.mean_loss() : report.score.mean_loss();
    bool finite = std::isfinite(report.norm) && std::isfinite(report.score.loss) && std::isfinite(selection);
    for (const Matrix<float>* matrix : training.network.parameters.matrices())
      for (const float entry : matrix->entries) finite = finite && std::isfinite(entry);
    if (!finite)
      throw Failure{
          format("training diverged in epoch %zu: the loss, the gradient or a parameter is no longer finite; lower "
                 "--learning_rate or --clip_norm (models of earlier epochs stay)",
                 epoch + 1)};
    history.push_back({learning_rate(settings, epoch * batches, settings.epochs * batches), seconds.count(),
                       report.score, validation});
    print_epoch(history.back(), epoch + 1, settings.epochs);
    model.epoch = epoch + 1;
    model.parameters = training.network.parameters;
    const std::string text = write_model(model);
    write_file(folder / format("rnn_epoch%zu.txt", epoch + 1), text);
    if (selection < lowest) {
      lowest = selection;
      best = model;
      write_file(folder / "rnn.txt", text);
    }
    write_file(folder / "history.csv", history_csv(history));
  }
  const Evaluation test = evaluate(Network<float>(best.parameters), test_part, team);
  print_test_line(test);
  write_file(folder / "report.svg", draw_report(history, test, model.languages));
}

// ---- 7. Modes -------------------------------------------------------------------------------------------------------

void test(const Options& options, Team& team) {
  const Model model = load_model(options.model_path);
  const Data data = load_data(options.data_dir);
  for (const std::string& language : data.languages)
    if (!std::binary_search(model.languages.begin(), model.languages.end(), language))
      throw Failure{options.data_dir + ": " + language + " is no language of the model " + options.model_path};
  const Evaluation result = evaluate(Network<float>(model.parameters), make_examples(data, model, Part::test), team);
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

// A model's numbers are finite, but what becomes of them need not be.
void check_finite(const float* y) {
  if (!std::isfinite(*y)) throw Failure{"the model's numbers are too large to compute with"};
}

// The letters of a name on the command line.
std::u32string parse_name(const std::string& name) {
  const std::string_view trimmed = trim(name);
  if (trimmed.empty()) throw Failure{"an empty name", 2};
  try {
    return decode_name(trimmed);
  } catch (const TextError& wrong) {
    throw Failure{"`" + name + "`: " + wrong.what(), 2};
  }
}

void predict_names(const Options& options, const Model& model, const Network<float>& network, Team& team) {
  Examples examples;
  for (const std::string& name : options.names) examples.add(model.alphabet.encode(parse_name(name)), 0);
  std::vector<std::vector<float>> answers(examples.size());
  classify(network, examples, team,
           [&](size_t i, const float*, const float* y) { answers[i].assign(y, y + model.languages.size()); });
  for (size_t i = 0; i < answers.size(); ++i) {
    check_finite(answers[i].data());
    std::printf("%s%s\n", i > 0 ? "\n" : "", options.names[i].c_str());
    const std::vector<size_t> order = ranking(answers[i].data(), answers[i].size());
    for (size_t k = 0; k < std::min(options.top, order.size()); ++k) {
      const double share = answers[i][order[k]];
      std::printf("  %s %5.1f%%  %s\n", fit(model.languages[order[k]], 16).c_str(), 100 * share,
                  bar(share, 40).c_str());
    }
  }
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
  std::vector<std::string> lines;  // that wait for their answers
  std::vector<size_t> line_of;     // of each example
  Examples examples;
  const auto answer = [&] {
    classify(network, examples, team, [&](size_t i, const float*, const float* y) {
      const size_t best = likeliest(y, model.languages.size());
      check_finite(y);
      std::array<char, 32> digits;
      char* const end = std::to_chars(digits.begin(), digits.end(), y[best], std::chars_format::fixed, 6).ptr;
      lines[line_of[i]].append("\t").append(model.languages[best]).append("\t").append(digits.begin(), end);
    });
    std::string out;
    for (const std::string& line : lines) out += line + '\n';
    std::fwrite(out.data(), 1, out.size(), stdout);
    if (std::fflush(stdout) != 0) throw Failure{errno == EPIPE ? "" : "standard output: " + reason()};
    lines.clear();
    line_of.clear();
    examples = {};
  };
  std::string line;
  bool cut = false, failed = false;
  for (size_t number = 1; read_line(input, line, 8 * longest_name, cut); ++number) {
    try {
      if (cut) throw TextError("a line of more than " + std::to_string(8 * longest_name) + " bytes", number);
      const bool mark = number == 1 && line.starts_with(byte_order_mark);
      const std::u32string letters = decode_name(trim(std::string_view(line).substr(mark ? 3 : 0)), number);
      if (!letters.empty() && line.find('\t') != line.npos)
        throw TextError("a TAB, which parts the fields of the answer", number);
      if (!letters.empty()) {
        examples.add(model.alphabet.encode(letters), 0);
        line_of.push_back(lines.size());
      }
    } catch (const TextError& wrong) {
      std::fprintf(stderr, "rnn: standard input:%zu: %s\n", wrong.line, wrong.what());
      if (cut || line.find('\t') != line.npos || !decode_utf8(line)) line = "?";
      line += "\t?\t0";
      failed = true;
    }
    lines.push_back(line);
    if (lines.size() >= 1 << 15 || examples.symbols.size() > 1 << 20 || input.in_avail() <= 0) answer();
  }
  answer();
  if (failed) throw Failure{"", 1};
}

void predict(const Options& options, Team& team) {
  const Model model = load_model(options.model_path);
  const Network<float> network(model.parameters);
  if (!options.names.empty()) return predict_names(options, model, network, team);
  try {
    predict_lines(model, network, team);
  } catch (const std::ios_base::failure&) {
    throw Failure{"standard input: " + reason()};
  }
}

// Follows one name through the network: forward to see what it believes after each letter, backward from the answer to
// see how much each step matters to it.
void trace(const Options& options) {
  if (options.names.size() != 1) throw Failure{"trace follows one name: ./rnn --mode trace Rodrigues", 2};
  const Model model = load_model(options.model_path);
  const Network<float> network(model.parameters);
  const std::u32string letters = parse_name(options.names[0]);
  const size_t languages = model.languages.size(), hidden = network.parameters.hidden(), steps = letters.size() + 1;
  Examples examples;
  examples.add(model.alphabet.encode(letters), 0);
  Unrolled<float> u(steps, hidden, languages);
  Parameters<float> gradient(model.alphabet.symbols(), hidden, languages);
  pack(examples, {0}, 0, 1, 1, u.batch);
  forward(network, u);
  for (size_t t = 0; t < steps; ++t) check_finite(u.y.row(t));
  u.batch.language[0] = likeliest(u.y.row(steps - 1), languages);
  backward(network, u, 0.0f, gradient);

  const size_t units = std::min<size_t>(16, hidden);
  std::printf(
      "After each letter: the three likeliest languages; the entropy in bits; |dL/da|, how much the step matters\n"
      "to the answer, %s; and %zu of %zu hidden units, from -1 (blank) to 1 (full).\n\n",
      model.languages[u.batch.language[0]].c_str(), units, hidden);
  std::printf("%s entropy  |dL/da|  hidden\n", fit("", 3 + 3 * 15).c_str());
  for (size_t t = 0; t < steps; ++t) {
    const float* y = u.y.row(t);
    const std::vector<size_t> order = ranking(y, languages);
    double entropy = 0, squares = 0;
    for (size_t k = 0; k < languages; ++k) entropy -= y[k] > 0 ? y[k] * std::log2(y[k]) : 0;
    for (size_t j = 0; j < hidden; ++j) squares += static_cast<double>(u.d_a(t, j)) * u.d_a(t, j);
    std::printf("%s%c ",
                t == letters.size() ? "$"
                : letters[t] < U' ' ? "·"
                                    : encode_utf8(letters[t]).c_str(),
                u.batch.symbol[t] == unknown ? '?' : ' ');
    for (size_t k = 0; k < 3; ++k)
      std::printf("%s", k < languages ? format("%s%3.0f%% ", fit(model.languages[order[k]], 10).c_str(),
                                               static_cast<double>(100 * y[order[k]]))
                                            .c_str()
                                      : fit("", 15).c_str());
    std::printf("%8.2f %8.2g  ", entropy, std::sqrt(squares));
    for (size_t j = 0; j < units; ++j) std::printf("%s", shade((u.h(t, j) + 1) / 2).c_str());
    std::printf("\n");
  }
  std::printf("\n$ is the end of the name; ? marks a letter that training never saw.\n");
}

// The three endings of 2 to 4 letters that are most typical of a language: those with the highest n log(p / q), where n
// counts the language's names with the ending, p is their share in the language, and q the share in all languages.
std::string typical_endings(const std::map<std::u32string, size_t>& counts, size_t names,
                            const std::map<std::u32string, size_t>& all_counts, size_t all_names) {
  std::vector<std::pair<double, std::u32string>> scores;
  for (const auto& [ending, n] : counts)
    scores.emplace_back(-static_cast<double>(n) * std::log(ratio(n, names) / ratio(all_counts.at(ending), all_names)),
                        ending);
  std::sort(scores.begin(), scores.end());
  std::string text;
  for (size_t i = 0; i < std::min<size_t>(3, scores.size()); ++i) {
    text += " -";
    for (const char32_t letter : scores[i].second) text += encode_utf8(letter);
  }
  return text;
}

void explore(const Options& options) {
  const Data data = load_data(options.data_dir);
  const size_t languages = data.languages.size();
  std::vector<size_t> letters(languages), longest(languages);
  std::vector<std::map<std::u32string, size_t>> endings(languages);
  std::map<std::u32string, size_t> all_endings;
  std::map<std::string_view, size_t> shared;  // in how many languages each name stands
  size_t all = 0, most = 0, several = 0, test_rows = 0, test_names = 0;
  for (size_t k = 0; k < languages; ++k) {
    for (const std::string_view name : data.names[k].names) {
      const std::u32string decoded = *decode_utf8(name);
      letters[k] += decoded.size();
      longest[k] = std::max(longest[k], decoded.size());
      for (size_t n = 2; n <= std::min<size_t>(4, decoded.size()); ++n) {
        ++endings[k][decoded.substr(decoded.size() - n)];
        ++all_endings[decoded.substr(decoded.size() - n)];
      }
      ++shared[name];
    }
    all += data.names[k].names.size();
    most = std::max(most, data.names[k].names.size());
  }
  for (const auto& [name, count] : shared) {
    const bool tested = part_of(name, options.settings.split_seed) == Part::test;
    several += count > 1;
    test_names += tested;
    test_rows += tested ? count : 0;
  }
  std::printf("%s  Names   Share             Mean  Longest  Typical endings\n", fit("Language", 16).c_str());
  for (size_t k = 0; k < languages; ++k) {
    const size_t names = data.names[k].names.size();
    std::printf("%s %6zu  %5.1f%%  %s %5.1f %8zu %s\n", fit(data.languages[k], 16).c_str(), names,
                100 * ratio(names, all), fit(bar(ratio(names, most), 10), 10).c_str(), ratio(letters[k], names),
                longest[k], typical_endings(endings[k], names, all_endings, all).c_str());
  }
  std::printf("\n%zu names, %zu different ones, of which %zu stand in several languages.\n", all, shared.size(),
              several);
  if (test_rows > 0)
    std::printf("So no classifier can be right on more than %.1f%% of the test names (--split_seed %s).\n",
                100 * ratio(test_names, test_rows), std::to_string(options.settings.split_seed).c_str());
  std::printf(
      "An ending is typical by n log(p / q): n names of the language have it, a share p, and a share q of all "
      "names.\n");
}

void gradcheck(const Options& options) {
  const Data data = load_data(options.data_dir);
  check_languages(data, options.data_dir);
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
  const auto errors = check_gradient(initial_parameters<double>(alphabet.symbols(), 10, data.languages.size(), random),
                                     examples, Settings{}.prefix_weight);
  std::printf(
      "8 names, 10 hidden units, double precision, central differences;\nerror relative to the largest entry of "
      "the gradient\n\nParameter     Shape  Entries     Error\n");
  bool good = true;
  for (const GradientError& e : errors) {
    const bool passed = e.error < 1e-7;
    good = good && passed;
    std::printf("%-9s %9s  %7zu  %8.1e  %s\n", e.name.c_str(), format("%zux%zu", e.rows, e.columns).c_str(),
                e.rows * e.columns, e.error, passed ? "ok" : "FAILED: over 1e-7");
  }
  if (!good) throw Failure{"a gradient disagrees with its central differences"};
}

// ---- 8. Options and main --------------------------------------------------------------------------------------------

enum class Kind { text, choice, integer, real };

// The one table of options: --help, parsing and checking all read it.
struct Option {
  const char* name;
  Kind kind;
  const char* range;    // as --help shows it; of a choice, the words
  const char* initial;  // the default
  const char* modes;    // that read it; none: all do
  const char* help;
  double lowest = 0, highest = 0;  // of a number
};

constexpr double least = std::numeric_limits<double>::denorm_min(), most = std::numeric_limits<float>::max();
constexpr Option option_table[] = {
    {"mode", Kind::choice, "train test predict trace explore gradcheck", "train", "", "what to do"},
    {"data_dir", Kind::text, "folder", "data/", "train test explore gradcheck", "the names, also as an argument"},
    {"model_path", Kind::text, "file", "models/rnn.txt", "test predict trace", "the model to use"},
    {"model_dir", Kind::text, "folder", "models", "train", "where training writes"},
    {"hidden_dim", Kind::integer, "1 to 4096", "128", "train", "hidden units", 1, most_hidden},
    {"epochs", Kind::integer, "1 to 1000000", "10", "train", "passes over the names", 1, 1e6},
    {"batch_size", Kind::integer, "1 to 1000000", "32", "train", "names a step", 1, 1e6},
    {"learning_rate", Kind::real, "above 0 to 3e38", "0.007", "train", "size of a step", least, most},
    {"clip_norm", Kind::real, "above 0 to 3e38", "14", "train", "longest gradient", least, most},
    {"momentum", Kind::real, "0 to below 1", "0.9", "train", "what a step keeps of the last", 0, 0x1.fffffffffffffp-1},
    {"prefix_weight", Kind::real, "0 to 1", "0.15", "train", "loss weight of earlier steps", 0, 1},
    {"decay", Kind::choice, "linear none", "linear", "train", "how the learning rate falls"},
    {"seed", Kind::integer, "0 to 2^64-1", "1", "", "of initial values and shuffles", 0, 0x1p64},
    {"split_seed", Kind::integer, "0 to 2^64-1", "1", "train explore", "of the split of the names", 0, 0x1p64},
    {"threads", Kind::integer, "1 to 1024", "all cores", "", "threads", 1, 1024},
    {"top", Kind::integer, "1 to 1000000", "3", "predict", "languages to show", 1, 1e6},
};

std::vector<std::string> words_of(const char* text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), {}};
}

bool has_word(const char* text, const std::string& word) {
  const std::vector<std::string> words = words_of(text);
  return std::find(words.begin(), words.end(), word) != words.end();
}

void print_help() {
  std::printf(
      "rnn learns which language a name comes from, letter by letter.\n\n"
      "usage: ./rnn [--mode MODE] [options] [DATA_DIR | NAME...]\n\n"
      "  ./rnn data/                              train on a folder, test, save models\n"
      "  ./rnn --mode test data/                  tables of a saved model\n"
      "  ./rnn --mode predict Rodrigo Rodrigues   the likeliest languages of names\n"
      "  ./rnn --mode predict <names.txt          a filter: name, language, probability\n"
      "  ./rnn --mode trace Rodrigues             what it believes at each letter\n"
      "  ./rnn --mode explore data/               describe the data\n"
      "  ./rnn --mode gradcheck data/             check the gradients by differences\n\n"
      "  option           range           default        meaning\n");
  for (const Option& option : option_table)
    std::printf("  --%-14s %-15s %-14s %s\n", option.name, std::strlen(option.range) > 15 ? "see above" : option.range,
                option.initial, option.help);
  std::printf("  --help                                          this text\n\nRead by one mode or several:\n");
  for (const std::string& mode : words_of(option_table[0].range)) {
    std::printf("  %-10s", mode.c_str());
    size_t count = 0;
    for (const Option& option : option_table)
      if (has_word(option.modes, mode)) std::printf("%s %s", ++count == 7 ? "\n            " : "", option.name);
    std::printf("\n");
  }
  std::printf("Every mode takes --seed and --threads.\nExit status: 0 done, 1 failed, 2 wrong command line.\n");
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
  char* end = nullptr;
  const double number = std::strtod(value.c_str(), &end);
  std::uint64_t exact = 0;
  const bool fits = !integer || std::from_chars(value.data(), value.data() + value.size(), exact).ec == std::errc{};
  if (value.empty() || value.find_first_not_of(integer ? "0123456789" : "0123456789+-.eE") != value.npos ||
      *end != '\0' || !fits || number < option.lowest || number > option.highest)
    throw Failure{what + ": should be " + (integer ? "a whole number, " : "a number, ") + option.range, 2};
}

Options parse_command_line(const std::vector<std::string>& words) {
  std::map<std::string, std::string> values;
  std::vector<std::string> arguments;
  size_t i = 0;
  for (; i < words.size() && words[i] != "--"; ++i) {
    const std::string& word = words[i];
    if (!word.starts_with("-") || word == "-") {
      arguments.push_back(word);
      continue;
    }
    if (!word.starts_with("--")) throw Failure{"no option " + word + "; options start with --, see --help", 2};
    const size_t equals = std::min(word.find('='), word.size());
    const Option& option = find_option(word.substr(2, equals - 2));
    if (equals == word.size() && i + 1 == words.size())
      throw Failure{word + ": a value is missing, " + option.range, 2};
    values[option.name] = equals == word.size() ? words[++i] : word.substr(equals + 1);
    check_value(option, values[option.name]);
  }
  arguments.insert(arguments.end(), words.begin() + static_cast<std::ptrdiff_t>(std::min(i + 1, words.size())),
                   words.end());
  const bool folder_named = values.contains("data_dir");
  const std::string mode = values.contains("mode") ? values["mode"] : "train";
  for (const Option& option : option_table) {
    const bool given = !values.emplace(option.name, option.initial).second;
    if (given && option.modes[0] != '\0' && !has_word(option.modes, mode))
      throw Failure{format("--%s means nothing to mode %s; it is for %s", option.name, mode.c_str(), option.modes), 2};
  }
  const auto integer = [&](const char* name) { return std::strtoull(values[name].c_str(), nullptr, 10); };
  const auto size = [&](const char* name) { return static_cast<size_t>(integer(name)); };
  const auto real = [&](const char* name) { return std::strtod(values[name].c_str(), nullptr); };
  Options options{mode, values["data_dir"], values["model_path"], values["model_dir"], {}, 1, size("top"), {}};
  options.settings = {size("hidden_dim"), size("epochs"),       size("batch_size"),    real("learning_rate"),
                      real("momentum"),   real("clip_norm"),    real("prefix_weight"), values["decay"] == "linear",
                      integer("seed"),    integer("split_seed")};
  const size_t cores = std::max(1u, std::thread::hardware_concurrency());
  options.threads = values["threads"] == "all cores" ? cores : size("threads");
  if (mode == "predict" || mode == "trace") {
    options.names = arguments;
  } else if (!arguments.empty()) {
    if (folder_named) arguments.insert(arguments.begin(), options.data_dir);
    if (arguments.size() > 1) throw Failure{"one folder, please: " + arguments[0] + " or " + arguments[1], 2};
    options.data_dir = arguments[0];
  }
  return options;
}

// Starts no more threads than have work.
void run_mode(const Options& options) {
  const size_t slices = (options.settings.batch_size + slice_names - 1) / slice_names;
  const bool classifies = options.mode == "test" || options.mode == "predict";
  const size_t useful = options.mode == "train" ? std::min(slices, most_shards) : classifies ? most_tasks : 1;
  Team team(std::min(options.threads, useful));
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
    const auto options_end = std::find(words.begin(), words.end(), "--");
    if (std::find(words.begin(), options_end, "--help") != options_end)
      print_help();
    else
      run_mode(parse_command_line(words));
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
