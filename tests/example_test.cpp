// The example of README.md: a program of your own reads a model and asks it for the language of a name. cli_test.sh
// compares the lines of the page with this file.
#include <fstream>
#include <sstream>
#include <string>
#include "../rnn.hpp"
#include "ut.hpp"

rnn::Model load(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return rnn::read_model(text.str());  // throws rnn::TextError, with the number of the line, if it is no model
}

// The most probable language of a name, and its probability. The name is in UTF-8.
std::pair<std::string, rnn::Real> ask(const rnn::Model& model, const std::string& name) {
  const std::vector<rnn::Symbol> symbols = model.alphabet.encode(rnn::decode_name(name));
  const rnn::Vector y = rnn::forward(model.parameters, symbols).back().y;
  const std::size_t best = rnn::most_probable(y);
  return {model.languages[best], y[best]};
}

int main() {
  using namespace boost::ut;
  "the example of README.md"_test = [] {
    const rnn::Model model = load("tests/golden/model.txt");
    const auto [language, probability] = ask(model, "anna-Beata");  // as golden/probabilities.txt has it
    expect(language == "Polish" && std::abs(probability - 0.876247f) < 1e-4f) << language << probability;
  };
}
