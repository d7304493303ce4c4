// A small subset of the syntax of boost-ext/ut, so that the tests need no download and compile unchanged against the
// real header (make test UT_INCLUDE=dir):
//
//   "what it shows"_test = [] { expect(that_holds) << "or what to print"; };
//
// A failed expectation is printed with its place; the program's exit status is then 1.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <sstream>
#include <string_view>

namespace boost::ut {

struct Results {
  std::string_view test = "no test";
  int tests = 0, checks = 0, failed = 0;

  ~Results() {
    std::fprintf(stderr, "%d tests, %d checks, %d failed\n", tests, checks, failed);
    if (failed > 0 || tests == 0) std::_Exit(1);
  }
};
inline Results results;

// What expect returns: it takes a message with <<, and prints it if the expectation failed.
class Expectation {
 public:
  Expectation(bool holds, const char* file, int line) : passed(holds) {
    ++results.checks;
    if (passed) return;
    ++results.failed;
    message << file << ':' << line << ": \"" << results.test << "\" failed";
  }
  ~Expectation() {
    if (!passed) std::fprintf(stderr, "%s\n", message.str().c_str());
  }
  template <class T>
  Expectation& operator<<(const T& part) {
    if (!passed) message << ' ' << part;
    return *this;
  }

 private:
  bool passed;
  std::ostringstream message;
};

// (std::source_location would say the place, but Debian's clang++ 14 lacks it; it has these, as g++ does.)
inline Expectation expect(bool holds, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return {holds, file, line};
}

struct Test {
  std::string_view name;
  template <class F>
  void operator=(F body) {
    results.test = name;
    ++results.tests;
    try {
      body();
    } catch (const std::exception& error) {
      expect(false) << "threw" << error.what();
    }
  }
};

namespace literals {
inline Test operator""_test(const char* name, std::size_t length) { return {{name, length}}; }
}  // namespace literals
using namespace literals;

}  // namespace boost::ut
