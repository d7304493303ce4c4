// Whatever read_names accepts, written a name a line, reads back to the same names. (libFuzzer: make fuzz)
#include "../../rnn.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  rnn::NameList list;
  try {
    list = rnn::read_names(text);
  } catch (const rnn::TextError&) {
    return 0;
  }
  std::string written;
  for (const rnn::Name& name : list.names) {
    const auto letters = rnn::decode_utf8(name.text);
    if (!letters || letters->empty() || letters->size() > rnn::longest_name) std::abort();
    std::string encoded;
    for (const char32_t letter : *letters) {
      if (rnn::is_control(letter)) std::abort();
      encoded += rnn::encode_utf8(letter);
    }
    if (encoded != name.text || name.hash != rnn::fnv1a(rnn::folded(*letters))) std::abort();
    written += "\xef\xbb\xbf" + encoded + '\n';  // without this mark a name would lose U+FEFF at its start
  }
  const auto again = rnn::read_names(written);
  if (again.repeats != 0 || again.names.size() != list.names.size()) std::abort();
  for (std::size_t i = 0; i < list.names.size(); ++i)
    if (again.names[i].text != list.names[i].text) std::abort();
  return 0;
}
