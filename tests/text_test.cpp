// Text, names, split and the numbers of random.
#include <boost/ut.hpp>
#include "common.hpp"

using namespace boost::ut;
using namespace common;

int main() {
  "UTF-8 is read as RFC 3629 has it"_test = [] {
    expect(decode_utf8("aé€😀") == std::u32string(U"aé€😀"));
    expect(decode_utf8("") == std::u32string());
    for (const std::string bad : {"\x80", "\xc3", "\xc3(", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
                                  "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "a\xff", "\xf0\x9f\x98"})
      expect(!decode_utf8(bad)) << bad.size();
    for (const char32_t letter : std::u32string(U"a\u007f\u0080\u07ff\u0800\uffff\U00010000\U0010ffff"))
      expect(decode_utf8(encode_utf8(letter)) == std::u32string(1, letter)) << static_cast<std::uint32_t>(letter);
  };

  "names are trimmed, counted once, and read through a byte order mark, CRLF and blank lines"_test = [] {
    const NameList list = read_names("\xef\xbb\xbf  Ann \r\n\r\n\tde la Cruz\r\nAnn\nB");
    expect(list.names == std::vector<std::string_view>{"Ann", "de la Cruz", "B"});
    expect(list.repeats == 1u);
  };

  "bad names are refused with their line"_test = [] {
    const auto refused_at = [](const std::string& text, size_t line) {
      try {
        read_names(text);
        expect(false) << "accepted:" << text.size();
      } catch (const TextError& wrong) {
        expect(wrong.line == line) << wrong.line << wrong.what();
      }
    };
    refused_at("Ann\n\nB\xff\n", 3);
    expect(read_names("Ann\n" + std::string(1000, 'x')).names.size() == 2u);
    refused_at("Ann\n" + std::string(1001, 'x') + "\n", 2);
    for (const std::string empty : {"", "\n\n", " \r\n", "\xef\xbb\xbf"}) refused_at(empty, 0);
  };

  "letters are symbols by code point, then comes the end of the name; others are unknown"_test = [] {
    const Alphabet alphabet(U"abé");
    expect(alphabet.symbols() == 4u);
    expect(alphabet.encode(U"bxé") == std::vector<Symbol>{1, unknown, 2, 3});
    expect(alphabet.encode(U"") == std::vector<Symbol>{3});
    expect(Alphabet(U"").encode(U"a") == std::vector<Symbol>{unknown, 0});
  };

  "SplitMix64, its uniform draws and FNV-1a are the published ones"_test = [] {
    SplitMix64 random{1234567};
    expect(random.next() == 6457827717110365317u);
    expect(random.next() == 3203168211198807973u);
    const double draw = SplitMix64{1}.uniform();
    expect(draw == static_cast<double>(SplitMix64{1}.next() >> 11) / 9007199254740992.0 && draw < 1);
    expect(fnv1a("") == 0xcbf29ce484222325u);
    expect(fnv1a("a") == 0xaf63dc4c8601ec8cu);
    expect(fnv1a("foobar") == 0x85944171f73967e8u);
  };

  "the split takes about eight, one and one tenth, by the name alone"_test = [] {
    std::array<size_t, 3> count{};
    for (size_t i = 0; i < 10000; ++i) ++count[static_cast<size_t>(part_of("name" + std::to_string(i), 1))];
    expect(count[0] > 7800u && count[0] < 8200u && count[1] > 850u && count[1] < 1150u && count[2] > 850u);
    size_t moved = 0;
    for (size_t i = 0; i < 1000; ++i)
      moved += part_of("name" + std::to_string(i), 1) != part_of("name" + std::to_string(i), 2);
    expect(moved > 200u && moved < 500u) << moved;
  };

  "a shuffle keeps every item"_test = [] {
    SplitMix64 random{4};
    std::vector<size_t> items{1, 2, 3, 4, 5, 6, 7, 8};
    shuffle(items, random);
    expect(items != std::vector<size_t>{1, 2, 3, 4, 5, 6, 7, 8});
    std::sort(items.begin(), items.end());
    expect(items == std::vector<size_t>{1, 2, 3, 4, 5, 6, 7, 8});
  };

  "F1 and its mean over the languages that have a name"_test = [] {
    Confusion confusion(3);
    confusion(0, 0) = 3;
    confusion(0, 1) = 1;
    confusion(1, 1) = 2;
    expect(confusion.support(0) == 4u && confusion.predictions(1) == 3u && confusion.support(2) == 0u);
    expect(confusion.f1(0) == 6.0 / 7);
    expect(std::abs(confusion.f1(1) - 0.8) < 1e-15 && confusion.f1(2) == 0);
    expect(std::abs(confusion.macro_f1() - (6.0 / 7 + 0.8) / 2) < 1e-15);
  };
}
