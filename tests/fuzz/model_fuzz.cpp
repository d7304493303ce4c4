// Whatever read_model accepts, write_model writes, and reads back to the same text. (libFuzzer: make fuzz)
#include "../../rnn.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto read = rnn::read_model(std::string(reinterpret_cast<const char*>(data), size));
  if (!read.ok()) return 0;
  const std::string text = rnn::write_model(read.value);
  const auto again = rnn::read_model(text);
  if (!again.ok() || rnn::write_model(again.value) != text) std::abort();
  return 0;
}
