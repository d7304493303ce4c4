// The tests are written in the syntax of boost-ext/ut, which is used where <boost/ut.hpp> is on the include path
// (make test UT_INCLUDE=dir). Elsewhere this small subset of it will do, so that the tests need no download:
//
//   "what it shows"_test = [] { expect(that_holds) << "or what to print"; };
//
// A failed expectation is printed with its place. The program's exit status is then 1, and so it is if there was no
// test, or one that expected nothing.
#pragma once

#if __has_include(<boost/ut.hpp>)
#include <boost/ut.hpp>
#else

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
    std::fflush(stdout);  // _Exit does not
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
    const int checks_before = results.checks;
    results.test = name;
    ++results.tests;
    try {
      body();
    } catch (const std::exception& error) {
      expect(false) << "threw" << error.what();
    }
    if (results.checks == checks_before) expect(false) << "expected nothing";
  }
};

namespace literals {
inline Test operator""_test(const char* name, std::size_t length) { return {{name, length}}; }
}  // namespace literals
using namespace literals;

}  // namespace boost::ut

#endif
