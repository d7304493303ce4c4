// Is the gradient of part 1 right? `slope` moves one number of the parameters by a little and sees what the loss does;
// `backward` must have found the same. Every number of every parameter in the list all_parameters is checked so, in
// double (the Makefile says -DREAL=double). A wrong line in backward shows as an error of 1e-3 or more; right ones
// agree to about 1e-9. `make gradcheck SEED=n` prints the table, for names of data/ that n draws.
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

// A parameter whose gradients are small, as those of a GRU's reset gate are, has been seen to differ by 7e-8 of its
// largest: differences of a loss of about 10 are rounded to about 1e-10.
constexpr double e = 1e-5, most_error = 1e-6;

struct Check {
  std::string parameter;
  size_t rows, columns;
  double error;  // the largest of all numbers, relative to the largest number of this gradient
};

// The gradient that backward finds for the sum of the examples' L, against central differences.
std::vector<Check> check_gradient(Parameters p, const Examples& examples, Real prefix_weight) {
  const Parameters gradient = plain_passes(p, examples, prefix_weight).gradient;
  std::vector<Check> checks;
  for (const Listed& each : all_parameters) {
    Matrix& matrix = p.*each.matrix;
    Largest largest, difference;
    for (size_t k = 0; k < matrix.numbers.size(); ++k) {
      double by_differences = 0;
      for (const Example& name : examples) by_differences += slope(p, matrix.numbers[k], name, prefix_weight, e);
      const double by_backward = (gradient.*each.matrix).numbers[k];
      largest(by_backward);
      difference(by_backward - by_differences);
    }
    checks.push_back({each.name, matrix.rows, matrix.columns, difference == 0 ? 0 : difference / largest});
  }
  return checks;
}

// All names of all files in `folder`, with the index of their language.
std::vector<std::pair<std::u32string, size_t>> read_folder(const std::string& folder, size_t& languages) {
  std::set<std::filesystem::path> files;
  std::error_code wrong;
  for (const auto& file : std::filesystem::directory_iterator(folder, wrong))
    if (file.path().extension() == ".txt") files.insert(file.path());
  if (files.empty()) throw std::runtime_error(folder + "/ has no file of names: run this from the project's folder");
  std::vector<std::pair<std::u32string, size_t>> names;
  languages = 0;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    for (const Name& name : read_names(text).names) names.emplace_back(decode_name(name.text), languages);
    ++languages;
  }
  return names;
}

}  // namespace

int main() {
  "the gradient of eight names of data/ agrees with central differences"_test = [] {
    const char* const seed = std::getenv("SEED");
    SplitMix64 random{seed ? std::strtoull(seed, nullptr, 10) : 1};
    size_t languages = 0;
    const auto names = read_folder("data", languages);
    // One name has a single letter (T = 2), one more than ten symbols, and six any number.
    std::vector<std::pair<std::u32string, size_t>> drawn;
    while (drawn.size() < 8) {
      const auto& name = names[random.next() % names.size()];
      const size_t letters = name.first.size();
      if (drawn.size() == 0 ? letters == 1 : drawn.size() == 1 ? letters > 9 : true) drawn.push_back(name);
    }
    // The alphabet leaves out a letter of the last name.
    std::set<char32_t> letters;
    for (const auto& [name, language] : drawn)
      for (const char32_t letter : name) letters.insert(fold(letter));
    const char32_t left_out = fold(drawn.back().first[0]);
    letters.erase(left_out);
    const Alphabet alphabet(std::u32string(letters.begin(), letters.end()));
    Examples examples;
    std::string shown;
    for (const auto& [name, language] : drawn) {
      examples.push_back({alphabet.encode(name), language});
      for (const char32_t letter : name) shown += encode_utf8(letter);
      shown += &name == &drawn.back().first ? "" : ", ";
    }
    expect(examples[0].symbols.size() == 2u && examples[1].symbols.size() > 10u);
    expect(examples[7].symbols[0] == unknown);

    const std::vector<Check> checks =
        check_gradient(initial_parameters(alphabet.symbols(), 10, languages, random), examples, 0.15);
    std::printf("%s; the letter %s is unknown.\n", shown.c_str(), encode_utf8(left_out).c_str());
    std::printf("10 hidden units. Errors are relative to the largest number of each gradient.\n\n");
    std::printf("Parameter     Shape  Numbers     Error\n");
    for (const auto& [name, rows, columns, error] : checks) {
      const std::string shape = std::to_string(rows) + 'x' + std::to_string(columns);
      std::printf("%-9s %9s  %7zu  %8.1e  %s\n", name.c_str(), shape.c_str(), rows * columns, error,
                  error < most_error ? "ok" : "FAILED: over 1e-6");
    }
    std::fflush(stdout);  // so that what is said of a failure stands below the table
    for (const Check& check : checks) expect(check.error < most_error) << check.parameter << check.error;
    expect(checks.size() == std::size(all_parameters));
  };

  "so it does for any shape, prefix weight, number of letters and unknown letter"_test = [] {
    SplitMix64 random{11};
    size_t checks = 0, wrong = 0;
    for (const size_t hidden : {1, 3, 17})
      for (const size_t languages : {3, 33})
        for (const double prefix_weight : {0.0, 0.15, 1.0})
          for (const Check& check :
               check_gradient(initial_parameters(5, hidden, languages, random), unequal_names(), prefix_weight)) {
            ++checks;
            wrong += !(check.error < most_error);
          }
    expect(wrong == 0u) << wrong << "of" << checks << "gradients are wrong";
  };

  "b and c take part, though they start at 0"_test = [] {
    SplitMix64 random{12};
    const Parameters p = random_parameters(5, 4, 3, random);
    for (const auto& [name, rows, columns, error] : check_gradient(p, unequal_names(), 0.5))
      expect(error < most_error) << name << error;
  };

  "slope leaves the parameters as they were"_test = [] {
    SplitMix64 random{13};
    Parameters p = random_parameters(5, 4, 3, random);
    const std::vector<Real> before = numbers_of(p);
    slope(p, p.V.numbers[1], unequal_names()[0], 0.15, 0.1);
    expect(numbers_of(p) == before);
  };

  "a gradient that is not a number does not pass"_test = [] {
    SplitMix64 random{11};
    Parameters p = initial_parameters(5, 3, 3, random);
    p.b(1, 0) = std::numeric_limits<Real>::quiet_NaN();
    for (const auto& [name, rows, columns, error] : check_gradient(p, unequal_names(), 0.15))
      expect(!(error < most_error)) << name << error;
  };
}
