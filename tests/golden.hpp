// Reads the files of tests/golden/, whose grammar is in tests/golden/README.md, and holds numbers to them.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <type_traits>
#include "common.hpp"
#include "ut.hpp"

namespace golden {

using namespace common;
namespace fs = std::filesystem;
using boost::ut::expect;

inline constexpr bool is_float = sizeof(Real) == sizeof(float);

inline std::string contents(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error(file + " cannot be read: run this from the project's folder");
  return {std::istreambuf_iterator<char>(in), {}};
}

inline double number(const std::string& token) {
  size_t read = 0;
  const double value = std::stod(token, &read);
  if (read != token.size()) throw std::runtime_error("not a number: " + token);
  return value;
}

inline std::uint64_t integer(const std::string& token) {
  size_t read = 0;
  const std::uint64_t value = std::stoull(token, &read);
  if (read != token.size()) throw std::runtime_error("not an integer: " + token);
  return value;
}

inline Symbol symbol(const std::string& token) { return token == "-1" ? unknown : static_cast<Symbol>(integer(token)); }

inline std::string bytes(const std::string& hexadecimal) {
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

inline void expect_close(Golden& golden, const std::string& name, double tolerance, double value) {
  expect_close(golden, name, tolerance, 1, 1, [&](size_t, size_t) { return value; });
}

inline void expect_close(Golden& golden, const std::string& before, double tolerance, const Parameters& p) {
  for (const Listed& each : all_parameters) {
    const Matrix& matrix = p.*each.matrix;
    expect_close(golden, before + each.name, tolerance, matrix.rows, matrix.columns, matrix);
  }
}

inline Settings settings_of(Golden& golden) {
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

inline std::string numbered(const char* what, size_t i, const char* rest = "") {
  return what + std::to_string(i) + rest;
}

inline char32_t code_point(const std::string& token) {
  return static_cast<char32_t>(std::stoul(token.substr(2), nullptr, 16));
}

inline std::u32string letters_of(Golden& golden, const std::string& block) {
  const std::vector<char32_t> letters = golden[block].all(code_point);
  return {letters.begin(), letters.end()};
}

}  // namespace golden
