// The model file: what is written reads back to the bit; what is not a whole model is refused with its line.
#include "common.hpp"
#include "ut.hpp"

using namespace boost::ut;
using namespace common;

namespace {

Model small_model() {
  SplitMix64 random{2};
  const std::string options = "--hidden_dim 3 --epochs 3";
  return {3, 9, options, {"Dutch", "Twi"}, Alphabet(U"aé\U0001f600"), initial_parameters(4, 3, 2, random)};
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
  "a model is written as its format says"_test = [] {
    Model model = small_model();
    Parameters& p = model.parameters;
    p = zero_like(p);
    p.U(0, 1) = 0.1f;
    p.b(2, 0) = -2;
    p.W(2, 1) = 1e-7f;
    p.V(1, 0) = 16777216;
    p.c(1, 0) = 3e10f;
    expect(write_model(model) ==
           "rnn-model 2\nepoch 3\nsplit_seed 9\noptions --hidden_dim 3 --epochs 3\nhidden 3\nlanguages 2\nDutch\nTwi\n"
           "letters 3\nU+0061\nU+00E9\nU+1F600\nU 3 4\n0 0.1 0 0\n0 0 0 0\n0 0 0 0\nb 3 1\n0\n0\n-2\n"
           "W 3 3\n0 0 0\n0 0 0\n0 1e-07 0\nV 2 3\n0 0 0\n16777216 0 0\nc 2 1\n0\n3e+10\nend\n")
        << write_model(model);
  };

  "a model written and read back is the same to the bit"_test = [] {
    Model model = small_model();
    Matrix& W = model.parameters.W;
    W(0, 0) = 1e-45f;
    W(0, 1) = -0.0f;
    W(0, 2) = std::numeric_limits<float>::max();
    const std::string text = write_model(model);
    Model read = read_model(text);
    expect(write_model(read) == text);
    expect(read.epoch == 3u && read.split_seed == 9u && read.options == model.options &&
           read.languages == model.languages);
    expect(read.alphabet.letters.compare(model.alphabet.letters) == 0);
    const std::vector<Real> ours = numbers_of(model.parameters), theirs = numbers_of(read.parameters);
    expect(ours.size() == theirs.size());
    for (size_t k = 0; k < std::min(ours.size(), theirs.size()); ++k)
      expect(std::bit_cast<std::uint32_t>(ours[k]) == std::bit_cast<std::uint32_t>(theirs[k])) << k;
  };

  "a model without letters, and one of a single hidden unit, are models"_test = [] {
    SplitMix64 random{2};
    const Model model{1, 1, "-", {"a", "b"}, Alphabet(U""), initial_parameters(1, 1, 2, random)};
    expect(write_model(read_model(write_model(model))) == write_model(model));
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
    expect(refused_at("rnn-model 2", "rnn-model 1") == 1u);
    expect(refused_at("rnn-model 2", "rnn-model 3") == 1u);
    expect(refused_at("rnn-model 2", "rnn-model 02") == 1u);
    expect(refused_at("epoch 3", "epoch -3") == 2u);
    expect(refused_at("epoch 3", "epoch") == 2u);
    expect(refused_at("epoch 3", "epoch 3x") == 2u);
    expect(refused_at("split_seed 9", "split_seed 18446744073709551616") == 3u);
    expect(refused_at("options --hidden_dim 3 --epochs 3", "options") == 4u);
    expect(refused_at("options --hidden_dim 3 --epochs 3", "options ") == 4u);
    expect(refused_at("options --", "option --") == 4u);
    expect(refused_at("hidden 3", "hidden 0") == 5u);
    expect(refused_at("hidden 3", "hidden 4097") == 5u);
    expect(refused_at("languages 2", "languages 1") == 6u);
    expect(refused_at("hidden 3", "hidden 4294967299") == 5u) << "3 in 32 bits";
    expect(refused_at("languages 2", "languages 1000000000") == 6u);
    expect(refused_at("languages 2", "languages 4294967298") == 6u);
    expect(refused_at("Dutch", "Zulu") == 8u) << "out of order";
    expect(refused_at("Dutch", "Twi") == 8u) << "twice";
    expect(refused_at("Dutch", "Du tch") == 7u);
    expect(refused_at("Dutch", "") == 7u);
    expect(refused_at("Dutch", "D\xff") == 7u);
    expect(refused_at("letters 3", "letters 4000000000") == 9u);
    expect(refused_at("letters 3", "letters 4294967299") == 9u);
    expect(refused_at("U+0061", "U+061") == 10u);
    expect(refused_at("U+0061", "U+0041") == 10u) << "folding would change it";
    expect(refused_at("U+0061", "U+00EA") == 11u) << "out of order";
    expect(refused_at("U+00E9", "U+0061") == 11u) << "twice";
    expect(refused_at("U+00E9", "U+00e9") == 11u);
    expect(refused_at("U+1F600", "U+110000") == 12u);
    expect(refused_at("U+1F600", "U+200041") == 12u);
    expect(refused_at("U+1F600", "U+D800") == 12u) << "a surrogate";
    expect(refused_at("U 3 4", "U 2 4") == 13u);
    expect(refused_at("U 3 4", "U 3 5") == 13u);
    expect(refused_at("U 3 4", "U 4294967299 4") == 13u);
    expect(refused_at("U 3 4", "U 3 4294967300") == 13u);
    expect(refused_at("hidden 3", "hidden 4") == 13u) << "U's line is then another";
    expect(refused_line(replaced(replaced(text, "hidden 3", "hidden 4096"), "U 3 4", "U 4096 4")) == 13u) << "no room";
    expect(refused_at("\nb 3 1", "\nb 1 3") == 17u);
    expect(refused_at("b 3 1\n", "b 3 1\n0x1 ") == 18u);
    expect(refused_at("b 3 1\n", "b 3 1\nnan\n") == 18u);
    expect(refused_at("b 3 1\n", "b 3 1\n1e99\n") == 18u);
    expect(refused_at("b 3 1\n", "b 3 1\n 1\n") == 18u);
    expect(refused_at("b 3 1\n", "b 3 1\n\n") == 18u);
    expect(refused_at("b 3 1\n", "b 3 1\n1\n") == 21u) << "a row too many";
    expect(refused_at("W 3 3", "W 3 4") == 21u);
    expect(refused_at("V 2 3", "V 3 3") == 25u);
    expect(refused_at("end\n", "end\nmore\n") == 32u);
    expect(refused_at("end\n", "end") == 31u);
    expect(refused_at("end\n", "End\n") == 31u);
  };

  "the room that numbers need is two bytes a number at least, and no more"_test = [] {
    const std::string zeros =
        "rnn-model 2\nepoch 3\nsplit_seed 9\noptions -\nhidden 1\nlanguages 2\na\nb\nletters 0\nU 1 1\n0\nb 1 1\n0\n"
        "W 1 1\n0\nV 2 1\n0\n0\nc 2 1\n0\n0\nend\n";
    expect(refused_line(zeros) == 0u);
    const auto with_hidden = [&](const std::string& n) {
      return refused_line(replaced(replaced(zeros, "hidden 1", "hidden " + n), "U 1 1", "U " + n + " 1"));
    };
    expect(with_hidden("2") == 12u) << "14 numbers have room in 42 bytes, but a row is missing";
    expect(with_hidden("3") == 10u) << "23 numbers have not";
  };

  "numbers that need more than 32 bits are read whole, and products of sizes do not wrap in 32"_test = [] {
    Model model = small_model();
    model.epoch = model.split_seed = 18446744073709551615u;
    const std::string text = write_model(model);
    expect(text.starts_with("rnn-model 2\nepoch 18446744073709551615\nsplit_seed 18446744073709551615\n"));
    expect(write_model(read_model(text)) == text);
    // The numbers of U, W and V: 4096 * (1 + 4096 + languages) = 2^32.
    const size_t languages = (1u << 20) - 4096 - 1;
    std::string wide =
        "rnn-model 2\nepoch 1\nsplit_seed 1\noptions -\nhidden 4096\nlanguages " + std::to_string(languages) + '\n';
    for (size_t k = 0; k < languages; ++k) wide += std::to_string(1000000 + k) + '\n';
    expect(refused_line(wide + "letters 0\nU 4096 1\n0\n") == languages + 8);
  };

  "what is wrong is said in words"_test = [] {
    const auto says = [](const std::string& text, const std::string& words) {
      try {
        read_model(text);
        expect(false) << "accepted" << words;
      } catch (const TextError& wrong) {
        expect(std::string(wrong.what()).find(words) != std::string::npos) << wrong.what();
      }
    };
    const std::string text = write_model(small_model());
    says(replaced(text, "rnn-model 2", "rnn-model 1"), "train again");
    says(replaced(text, "hidden 3", "hidden 9999"), "1 to 4096");
    says(replaced(text, "U+0061", "U+0041"), "U+0061");
    says(replaced(text, "W 3 3", "W 4 4"), "expected `W 3 3`");
    says(replaced(text, "b 3 1\n", "b 3 1\nx"), "number 1 is not so");
    says(text.substr(0, text.size() - 1), "cut short");
  };

  "what an editor does not show is named, at its line"_test = [] {
    const auto said_of = [](const std::string& text) -> std::string {
      try {
        read_model(text);
        return "accepted";
      } catch (const TextError& wrong) {
        return std::to_string(wrong.line) + ": " + wrong.what();
      }
    };
    const std::string text = write_model(small_model()), mark = "\xef\xbb\xbf";
    const std::string with_mark = "the line starts with a byte order mark", with_blank = "the line ends with a blank";
    const std::string with_return = "the line ends with a carriage return, as on Windows";
    std::string windows;
    for (const char byte : text) windows += byte == '\n' ? std::string("\r\n") : std::string(1, byte);
    const auto same = [](const std::string& ours, const std::string& wanted) { expect(ours == wanted) << ours; };
    same(said_of(windows), "1: expected `rnn-model 2`; " + with_return);
    same(said_of(mark + text), "1: expected `rnn-model 2`; " + with_mark);
    same(said_of(mark + windows), "1: expected `rnn-model 2`; " + with_mark + "; " + with_return);
    same(said_of(replaced(text, "epoch 3", "epoch 3 ")), "2: expected `epoch NUMBER`; " + with_blank);
    same(said_of(replaced(text, "epoch 3", "epoch 3\t")), "2: expected `epoch NUMBER`; " + with_blank);
    same(said_of(replaced(text, "epoch 3", "epoch three")), "2: expected `epoch NUMBER`");
    same(said_of(replaced(text, "epoch 3", "")), "2: expected `epoch NUMBER`");
    same(said_of(replaced(text, "U+00E9", "U+00E9 ")), "11: expected a letter such as U+0061; " + with_blank);
    same(said_of(replaced(text, "W 3 3", "W 3 3\r")), "21: expected `W 3 3`; " + with_return);
    same(said_of(replaced(text, "\nend", "\nend ")),
         "31: expected `end`, since this program has no further parameters; " + with_blank);
    const size_t end_of_row = text.find('\n', text.find("V 2 3\n") + 6);
    for (const auto& [end, said] : {std::pair{" ", with_blank}, std::pair{"\r", with_return}}) {
      const std::string of_row = said_of(std::string(text).insert(end_of_row, end));
      expect(of_row.starts_with("26: ") && of_row.ends_with("; " + said)) << of_row;
    }
    expect(said_of(replaced(text, "Dutch", "Dutch\r")).ends_with(with_return));
  };
}
