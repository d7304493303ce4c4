// Whatever read_model accepts, write_model writes, and reads back to the same text. (libFuzzer: make fuzz)
#include "../../rnn.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  rnn::Model model;
  try {
    model = rnn::read_model(std::string(reinterpret_cast<const char*>(data), size));
  } catch (const rnn::TextError&) {
    return 0;
  }
  const std::string text = rnn::write_model(model);
  if (rnn::write_model(rnn::read_model(text)) != text) std::abort();
  return 0;
}
