// The model file: what is written reads back to the bit; what is not a whole model is refused with its line.
#include <boost/ut.hpp>
#include "common.hpp"

using namespace boost::ut;
using namespace common;

namespace {

Model small_model() {
  SplitMix64 random{2};
  return {3, 9, {"Dutch", "Twi"}, Alphabet(U"aé\U0001f600"), initial_parameters<float>(4, 3, 2, random)};
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

// The line at which a text is refused, 0 if it is accepted.
size_t refused_line(const std::string& text) {
  try {
    read_model(text);
    return 0;
  } catch (const TextError& wrong) {
    return wrong.line;
  }
}

}  // namespace

int main() {
  "a model written and read back is the same to the bit"_test = [] {
    Model model = small_model();
    model.parameters.W(0, 0) = 1e-45f;
    model.parameters.W(0, 1) = -0.0f;
    model.parameters.W(0, 2) = std::numeric_limits<float>::max();
    const std::string text = write_model(model);
    Model read = read_model(text);
    expect(write_model(read) == text);
    expect(read.epoch == 3u && read.split_seed == 9u && read.languages == model.languages);
    expect(read.alphabet.letters.compare(model.alphabet.letters) == 0);
    for (size_t m = 0; m < 5; ++m) {
      const Matrix<float>&ours = *model.parameters.matrices()[m], &theirs = *read.parameters.matrices()[m];
      for (size_t i = 0; i < ours.rows; ++i)
        for (size_t j = 0; j < ours.columns; ++j)
          expect(std::bit_cast<std::uint32_t>(ours(i, j)) == std::bit_cast<std::uint32_t>(theirs(i, j)));
    }
  };

  "every beginning of a model is refused"_test = [] {
    const std::string text = write_model(small_model());
    for (size_t length = 0; length < text.size(); ++length) expect(refused_line(text.substr(0, length)) > 0) << length;
  };

  "what is altered is refused with its line"_test = [] {
    const std::string text = write_model(small_model());
    const auto refused_at = [&](const std::string& from, const std::string& to) {
      const size_t line = refused_line(replaced(text, from, to));
      expect(line > 0) << from << to;
      return line;
    };
    expect(refused_at("rnn-model 1", "rnn-model 2") == 1u);
    expect(refused_at("epoch 3", "epoch -3") == 2u);
    expect(refused_at("split_seed 9", "split_seed 18446744073709551616") == 3u);
    expect(refused_at("languages 2", "languages 1") == 4u);
    expect(refused_at("languages 2", "languages 1000000000") == 4u);
    expect(refused_at("Dutch", "Zulu") == 6u) << "out of order";
    expect(refused_at("Dutch", "Twi") == 6u) << "twice";
    expect(refused_at("Dutch", "Du tch") == 5u);
    expect(refused_at("Dutch", "D\xff") == 5u);
    expect(refused_at("letters 3", "letters 4000000000") == 7u);
    expect(refused_at("U+0061", "U+061") == 8u);
    expect(refused_at("U+0061", "U+00EA") == 9u) << "out of order";
    expect(refused_at("U+00E9", "U+0061") == 9u) << "twice";
    expect(refused_at("U+1F600", "U+110000") == 10u);
    expect(refused_at("U+00E9", "U+00e9") == 9u);
    expect(refused_at("U+1F600", "U+200041") == 10u);
    expect(refused_at("U+1F600", "U+D800") == 10u) << "a surrogate";
    expect(refused_at("U 3 4", "U 1000000000 4") == 11u);
    expect(refused_at("U 3 4", "U 4096 4") == 11u);
    expect(refused_at("U 3 4", "U 3 5") == 11u);
    expect(refused_at("\nb 3 1", "\nb 1 3") == 15u) << refused_at("\nb 3 1", "\nb 1 3");
    expect(refused_at("b 3 1\n", "b 3 1\n0x1 ") == 16u);
    expect(refused_at("b 3 1\n", "b 3 1\nnan\n") == 16u);
    expect(refused_at("b 3 1\n", "b 3 1\n1e99\n") == 16u);
    expect(refused_at("b 3 1\n", "b 3 1\n 1\n") == 16u);
    expect(refused_at("b 3 1\n", "b 3 1\n1\n") == 19u) << "a row too many";
    expect(refused_at("end\n", "end\nmore\n") > 19u);
    expect(refused_at("end\n", "end") > 19u);
  };

  "a name's answer does not depend on the other names"_test = [] {
    const Model model = small_model();
    const Network<float> network(model.parameters);
    Examples all;
    SplitMix64 random{8};
    for (size_t i = 0; i < 100; ++i) {
      std::u32string name;
      for (size_t k = 0; k <= random.next() % 9; ++k) name += U"aéx"[random.next() % 3];
      all.add(model.alphabet.encode(name), 0);
    }
    std::vector<float> together(all.size());
    auto run = in_turn;
    classify(network, all, run, [&](size_t i, const float*, const float* y) { together[i] = y[0]; });
    for (size_t i = 0; i < all.size(); ++i) {
      const Examples one = only(all, i);
      classify(network, one, run, [&](size_t, const float*, const float* y) { expect(y[0] == together[i]) << i; });
    }
  };
}
