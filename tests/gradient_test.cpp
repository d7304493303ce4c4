// Is the gradient right? Move one parameter p by a little and see what the loss does:
//
//     dL/dp = (L(p + e) - L(p - e)) / 2e     up to terms of e^2
//
// Every entry of every parameter is checked so, in double (the Makefile says -DREAL=double). A wrong line in backward
// shows as an error of 1e-3 or more; right ones agree to about 1e-9. `make gradcheck SEED=n` prints the table, for
// names of data/ that n draws.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include "common.hpp"
#include "ut.hpp"

using namespace boost::ut;
using namespace common;
static_assert(sizeof(Real) == sizeof(double));

namespace {

constexpr double e = 1e-5, most_error = 1e-7;

struct Check {
  std::string parameter;  // its name in the book
  size_t rows, columns;
  double error;  // the largest of all entries, relative to the gradient's largest entry
};

// The gradient that backward finds for all examples, against central differences.
std::vector<Check> check_gradient(Parameters parameters, const Examples& examples, Real prefix_weight) {
  Unrolled u = unroll(parameters, examples);
  const auto loss = [&] {
    forward(Network(parameters), u);
    return weighted_loss(u, prefix_weight);
  };
  Parameters gradient = gradient_of(Network(parameters), examples, prefix_weight);
  const auto moved = book_matrices(parameters.matrices()), found = book_matrices(gradient.matrices());
  std::vector<Check> checks;
  for (size_t m = 0; m < moved.size(); ++m) {
    const auto& [name, matrix] = moved[m];
    Largest entry, difference;
    for (size_t i = 0; i < matrix.rows; ++i)
      for (size_t j = 0; j < matrix.columns; ++j) {
        const Real p = matrix(i, j), by_backward = found[m].second(i, j);
        matrix(i, j) = p + e;
        const Real above = loss();
        matrix(i, j) = p - e;
        const Real below = loss();
        matrix(i, j) = p;
        entry(by_backward);
        difference(by_backward - (above - below) / (2 * e));
      }
    checks.push_back({name, matrix.rows, matrix.columns, difference == 0 ? 0 : difference / entry});
  }
  return checks;
}

// The text of each file of names in `folder`, by language.
std::vector<std::string> read_texts(const std::string& folder) {
  std::set<std::filesystem::path> files;
  std::error_code wrong;
  for (const auto& file : std::filesystem::directory_iterator(folder, wrong))
    if (file.path().extension() == ".txt") files.insert(file.path());
  if (files.empty()) throw std::runtime_error(folder + "/ has no file of names: run this from the project's folder");
  std::vector<std::string> texts;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    texts.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return texts;
}

// Draws `count` names: a language, then one of its names. The alphabet is that of the names drawn.
std::pair<Examples, Alphabet> draw_names(const std::vector<std::string>& texts, size_t count, SplitMix64& random) {
  std::vector<std::pair<std::u32string, size_t>> drawn;
  std::set<char32_t> letters;
  while (drawn.size() < count) {
    const size_t language = random.next() % texts.size();
    const std::vector<Name> names = read_names(texts[language]).names;
    drawn.emplace_back(decode_name(names[random.next() % names.size()].text), language);
    for (const char32_t letter : drawn.back().first) letters.insert(fold(letter));
  }
  const Alphabet alphabet(std::u32string(letters.begin(), letters.end()));
  Examples examples;
  for (const auto& [name, language] : drawn) examples.push_back({alphabet.encode(name), language});
  return {examples, alphabet};
}

}  // namespace

int main() {
  "the gradient of eight names of data/ agrees with central differences"_test = [] {
    const char* const seed = std::getenv("SEED");
    SplitMix64 random{seed ? std::strtoull(seed, nullptr, 10) : 1};
    const std::vector<std::string> texts = read_texts("data");
    const auto [names, alphabet] = draw_names(texts, 8, random);
    const std::vector<Check> checks =
        check_gradient(initial_parameters(alphabet.symbols(), 10, texts.size(), random), names, 0.15);
    std::printf("8 names of data/, 10 hidden units; errors relative to the largest entry of the gradient\n\n");
    std::printf("Parameter     Shape  Entries     Error\n");
    for (const auto& [name, rows, columns, error] : checks) {
      const std::string shape = std::to_string(rows) + 'x' + std::to_string(columns);
      std::printf("%-9s %9s  %7zu  %8.1e  %s\n", name.c_str(), shape.c_str(), rows * columns, error,
                  error < most_error ? "ok" : "FAILED: over 1e-7");
      expect(error < most_error) << name << error;
    }
    expect(checks.size() == 5u);
  };

  "so it does for any shape, prefix weight, length of name and unknown letter"_test = [] {
    SplitMix64 random{11};
    for (const size_t hidden : {1, 3, 17})
      for (const size_t languages : {3, 33})
        for (const double prefix_weight : {0.0, 0.15, 1.0})
          for (const auto& [name, rows, columns, error] :
               check_gradient(initial_parameters(5, hidden, languages, random), unequal_names(), prefix_weight))
            expect(error < most_error) << name << hidden << languages << prefix_weight << error;
  };

  "b and c take part, though they start at 0"_test = [] {
    SplitMix64 random{12};
    Parameters parameters = initial_parameters(5, 4, 3, random);
    for (const auto& [name, matrix] : book_matrices(parameters.matrices()))
      for (size_t i = 0; i < matrix.rows; ++i) matrix(i, 0) += random.uniform() - 0.5;
    for (const auto& [name, rows, columns, error] : check_gradient(parameters, unequal_names(), 0.5))
      expect(error < most_error) << name << error;
  };

  "a gradient that is not a number does not pass"_test = [] {
    SplitMix64 random{11};
    Parameters parameters = initial_parameters(5, 3, 3, random);
    parameters.matrices().b(0, 1) = std::numeric_limits<Real>::quiet_NaN();
    for (const auto& [name, rows, columns, error] : check_gradient(parameters, unequal_names(), 0.15))
      expect(!(error < most_error)) << name << error;
  };
}
