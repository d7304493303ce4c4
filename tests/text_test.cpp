// Text, names, split and the numbers of random.
#include "common.hpp"
#include "ut.hpp"

using namespace boost::ut;
using namespace common;

int main() {
  "UTF-8 is read as RFC 3629 has it"_test = [] {
    expect(decode_utf8("aé€😀") == std::u32string(U"aé€😀"));
    expect(decode_utf8("") == std::u32string());
    for (const std::string bad : {"\x80", "\xc3", "\xc3(", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
                                  "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "a\xff", "\xf0\x9f\x98"})
      expect(!decode_utf8(bad)) << bad.size();
    for (const char32_t letter :
         std::u32string(U"a\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U00012345\U0010ffff"))
      expect(decode_utf8(encode_utf8(letter)) == std::u32string(1, letter)) << static_cast<std::uint32_t>(letter);
  };

  "letters are folded as the table of ranges says"_test = [] {
    const auto folds = [](char32_t from, char32_t to) {
      expect(fold(from) == to) << static_cast<std::uint32_t>(from) << static_cast<std::uint32_t>(fold(from));
    };
    for (const auto& [first, last, move] : folding)
      for (char32_t letter = first; letter <= last; ++letter) {
        folds(letter, letter + static_cast<char32_t>(move == 1 ? (letter - first + 1) % 2 : move));
        folds(fold(letter), fold(letter));
      }
    // A few that anyone can look up, each range's neighbours among them.
    const std::u32string_view from = U"@AZ[`az{µ×ÀÖØÞßĀāĮįİıĲķĸĹňŉŊŷŸŹſƀƆƏƐǄǅΆΪςϴЀЯЁѠѡԱևẔẖẛẞỾỿ京";
    const std::u32string_view to_ = U"@az[`az{μ×àöøþßāāįįiıĳķĸĺňŉŋŷÿźsƀɔəɛǆǆάϊσθѐяёѡѡաևẕẖṡßỿỿ京";
    expect(from.size() == to_.size());
    for (size_t i = 0; i < std::min(from.size(), to_.size()); ++i) folds(from[i], to_[i]);
    expect(folded(U"ŻÓŁĆ İ") == "żółć i" && folded(U"") == "");
    expect(folded(U"ƊANJUMA ƁAWA ƘASIM") == "ɗanjuma ɓawa ƙasim" && folded(U"ƉƑƔŊƆƐƲȺ") == "ɖƒɣŋɔɛʋⱥ");
    expect(folded(U"ᲨᲝᲗᲐ ႠἈ") == "შოთა ႠἈ") << "old Georgian and polytonic Greek stay";
    // All code points. The hash comes from Unicode's CaseFolding.txt, and tests/golden/text.txt shows where it differs.
    std::u32string all;
    for (char32_t letter = 0; letter <= 0x10ffff; ++letter)
      if (is_code_point(letter)) all += letter;
    expect(all.size() == 0x110000 - 0x800 && fnv1a(folded(all)) == 0x412bf07f0c9a25afu) << fnv1a(folded(all));
  };

  "names are trimmed and counted once without regard to case, past a byte order mark, CRLF and blank lines"_test = [] {
    const NameList list = read_names("\xef\xbb\xbf  Ann \r\n\r\n\tde la Cruz\r\nANN\nB\nDe La Cruz");
    std::vector<std::string_view> names;
    for (const Name& name : list.names) names.push_back(name.text);
    expect(names == std::vector<std::string_view>{"Ann", "de la Cruz", "B"}) << "the first spelling is kept";
    expect(list.repeats == 2u && list.names[0].hash == fnv1a("ann") && list.names[1].hash == fnv1a("de la cruz"));
    expect(read_names("ƊA\nɗa\nƉa\n").repeats == 1u) << "two letters of Hausa and of Ewe";
  };

  "a byte order mark is passed over at the start of any line, once, and is a letter elsewhere"_test = [] {
    const std::string mark = "\xef\xbb\xbf";
    expect(trim(mark + " Ann \r") == "Ann" && trim(mark + "a") == "a" && trim(mark) == "" && trim(mark + " \t") == "");
    expect(trim(mark + mark + "a") == mark + "a" && trim(" " + mark + "a") == mark + "a");
    expect(trim("a" + mark) == "a" + mark && trim("\xef\xbb") == "\xef\xbb");
    const NameList list = read_names(mark + "Ann\nBen\n" + mark + "Cid\n" + mark + '\n' + mark + "ANN\n");
    expect(list.names.size() == 3u && list.names[2].text == "Cid" && list.repeats == 1u);
  };

  "a language has the name of its file, with _ for white space"_test = [] {
    expect(language_of("South Korea") == "South_Korea" && language_of(" a\tb\n") == "_a_b_" &&
           language_of("Twi") == "Twi");
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
    refused_at("Ann\nB\nC\xc3", 3);
    expect(read_names("Ann\n" + std::string(1000, 'x')).names.size() == 2u);
    refused_at("Ann\n" + std::string(4001, 'x') + "\xff\n", 2);
    refused_at("Ann\n" + std::string(1001, 'x') + "\n", 2);
    try {
      decode_name("B\xff");
      expect(false) << "accepted";
    } catch (const TextError& wrong) {
      expect(wrong.line == 0u) << "a name of no file has no line";
    }
    for (const std::string empty : {"", "\n\n", " \r\n", "\xef\xbb\xbf"}) refused_at(empty, 0);
  };

  "a name holds no control character, and what is said of one helps"_test = [] {
    const auto said_of = [](const std::string& name) -> std::string {
      try {
        decode_name(name, 7);
        return "";
      } catch (const TextError& wrong) {
        return wrong.line == 7 ? wrong.what() : "another line";
      }
    };
    for (char32_t letter = 0; letter < 0x120; ++letter) {
      const bool refused = said_of(encode_utf8(letter).insert(0, 1, 'a') + 'b').find(" in a name") != std::string::npos;
      expect(refused == (letter <= 0x1f || (letter >= 0x7f && letter <= 0x9f))) << static_cast<std::uint32_t>(letter);
      expect(refused == is_control(letter));
    }
    const auto says = [&](const std::string& name, const std::string& words) {
      expect(said_of(name).find(words) != std::string::npos) << said_of(name) << words;
    };
    says("Ann\t7", "a TAB in a name: one line holds one name");
    says("Ann\nBen", "a line feed in a name: one line holds one name");
    says("Ann\rBen\rCid", "a carriage return in a name");
    says("\x1a", "Ctrl-Z");
    says("O\xc2\x92Neill", "U+0092");
    says("\x1b[2J", "U+001B");
    says(std::string("A\0\t", 3), "U+0000 in a name: is this UTF-16? save the text as UTF-8");
    says("A\t\xff", "malformed UTF-8");
    says("A\r" + std::string(1000, 'x'), "a carriage return in a name");
    says("A\r" + std::string(4000, 'x'), "more than 1000 letters");

    const auto refused_line = [](const std::string& text) -> size_t {
      try {
        return read_names(text).names.size() + 100;
      } catch (const TextError& wrong) {
        return wrong.line;
      }
    };
    expect(refused_line("Ann\n\tBen\t\nCid\tD\n") == 3u && refused_line("Ann\rBen\rCid\r") == 1u);
    expect(refused_line(std::string("\0A\0n\0\n\0B\0\n", 10)) == 1u && refused_line("Ann\n\x1a") == 2u);
    expect(refused_line(std::string("\xff\xfe") + 'A' + '\0') == 1u) << "UTF-16 with its mark";
  };

  "letters are symbols by code point, then comes the end of the name; others are unknown, and capitals are not"_test =
      [] {
        const Alphabet alphabet(U"abé");
        expect(alphabet.symbols() == 4u);
        expect(alphabet.encode(U"bxé") == std::vector<Symbol>{1, unknown, 2, 3});
        expect(alphabet.encode(U"BXÉ") == std::vector<Symbol>{1, unknown, 2, 3});
        expect(alphabet.encode(U"") == std::vector<Symbol>{3});
        expect(Alphabet(U"").encode(U"aZ\U0010ffff") == std::vector<Symbol>{unknown, unknown, unknown, 0});
        expect(Alphabet(U"ß").encode(U"ẞ") == std::vector<Symbol>{0, 1});
        expect(Alphabet(U"ỿ").encode(U"Ỿỿ\u1f00") == std::vector<Symbol>{0, 0, unknown, 1});
        expect(Alphabet(U"ɗაⱥ").encode(U"ƊɗᲐაȺⱥⱦ") == std::vector<Symbol>{0, 0, 1, 1, 2, 2, unknown, 3});
        expect(Alphabet(U"a").encode(U"Ⱥab") == std::vector<Symbol>{unknown, 0, unknown, 1});
        expect(Alphabet(U"a\U0010ffff").encode(U"\U0010ffffA\U0010fffe") == std::vector<Symbol>{1, 0, unknown, 2});
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

  "the split takes about eight, one and one tenth, by the folded name alone; all names are in all of it"_test = [] {
    std::array<size_t, 4> count{};
    size_t moved = 0;
    for (size_t i = 0; i < 10000; ++i) {
      const Name name{{}, fnv1a("name" + std::to_string(i))};
      size_t parts = 0;
      for (const Part part : {Part::training, Part::validation, Part::test, Part::all}) {
        count[static_cast<size_t>(part)] += in_part(name, part, 1);
        parts += in_part(name, part, 1);
      }
      expect(parts == 2u) << i;
      moved += in_part(name, Part::training, 1) != in_part(name, Part::training, 2);
    }
    expect(count[0] > 7800u && count[0] < 8200u && count[1] > 850u && count[1] < 1150u && count[2] > 850u);
    expect(count[3] == 10000u && moved > 2000u && moved < 5000u) << moved;
  };

  "the alphabet is that of the training names; examples stand by language, in their file's order"_test = [] {
    const std::string texts[] = {"Ann\nBob\nCid\nDan\nEve\n", "Fay\nGus\nHal\nIda\nAnn\n"};
    Data data{{"B", "D"}, {}};
    for (const std::string& text : texts) data.names.push_back(read_names(text));
    std::set<char32_t> letters;
    size_t examples = 0;
    for (const NameList& list : data.names)
      for (const Name& name : list.names)
        if (in_part(name, Part::training, 3))
          for (const char32_t letter : decode_name(name.text)) letters.insert(fold(letter));
    const Alphabet alphabet = alphabet_of(data, 3);
    expect(alphabet.letters == std::u32string(letters.begin(), letters.end()) &&
           alphabet.letters.find(U'A') == alphabet.letters.npos);
    for (const Part part : {Part::training, Part::validation, Part::test})
      examples += examples_of(data, part, 3, alphabet, {"A", "B", "C", "D"}).size();
    const Examples all = examples_of(data, Part::all, 3, alphabet, {"A", "B", "C", "D"});
    expect(examples == 10u && all.size() == 10u);
    expect(all[1].language == 1u && all[5].language == 3u && all[1].symbols == alphabet.encode(U"bob"));
    expect(all[0].symbols == all[9].symbols && all[9].language == 3u) << "a name of two languages counts in both";
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
    Confusion confusion(4);
    confusion(0, 0) = 3;
    confusion(0, 1) = 1;
    confusion(1, 1) = 2;
    confusion(3, 3) = 1;
    expect(confusion.support(0) == 4u && confusion.predictions(1) == 3u && confusion.support(2) == 0u);
    expect(confusion.f1(0) == 6.0 / 7 && std::abs(confusion.f1(1) - 0.8) < 1e-15);
    expect(confusion.f1(2) == 0 && confusion.f1(3) == 1);
    expect(std::abs(confusion.macro_f1() - (6.0 / 7 + 0.8 + 1) / 3) < 1e-15) << "language 2 has no name";
    confusion(2, 0) = 5;
    expect(confusion.predictions(0) == 8u && confusion.support(2) == 5u && confusion.f1(2) == 0);
    expect(confusion.f1(0) == 0.5 && std::abs(confusion.macro_f1() - (0.5 + 0.8 + 1) / 4) < 1e-15);
  };
}
