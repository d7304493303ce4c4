# make            builds ./rnn
# make test       builds and runs every test program
# make gradcheck  the gradient of every parameter against central differences; make gradcheck SEED=2 for other names
# make bench      measures this machine and this program
# make sanitize   runs the tests and a short training under the sanitizers
# make fuzz       fuzzes the readers (clang), FUZZ_SECONDS each
# make scale      trains on large and odd data, two million names and 60,000 letters among them
# make portable   builds with two compilers, two standards and all levels of optimisation, without warnings
# make clean      removes what make made

CXX      = g++
FLAGS    = -std=c++20 -O3 -Wall -Wextra -Wpedantic -Wshadow -pthread
# Those that this compiler takes, asked once. -march=native: all vectors that this machine has.
FAST     = $(eval FAST := $(foreach flag,-march=native -mprefer-vector-width=512 -ffp-contract=fast -fno-math-errno \
           -fno-trapping-math,$(shell echo 'int main(){}' | $(CXX) -Werror $(flag) -x c++ -o /dev/null - 2>/dev/null \
           && echo $(flag))))$(FAST)
CXXFLAGS = $(FLAGS) $(FAST)

rnn: rnn.cpp rnn.hpp Makefile
	$(CXX) $(CXXFLAGS) -DNDEBUG -o $@ rnn.cpp

# Each test program is judged by its exit status, and all run even when one fails. tests/build/NAME comes from
# tests/NAME.cpp. UT_INCLUDE names a folder with the real boost/ut.hpp; without it tests/ut.hpp is all there is.
# _GLIBCXX_ASSERTIONS: the library checks every index.
PROGRAMS = $(patsubst tests/%.cpp,tests/build/%,$(wildcard tests/*_test.cpp))
UT       = $(if $(UT_INCLUDE),-isystem $(UT_INCLUDE))

tests/build/%: tests/%.cpp tests/common.hpp tests/ut.hpp rnn.hpp Makefile
	@mkdir -p tests/build
	$(CXX) $(CXXFLAGS) -D_GLIBCXX_ASSERTIONS $(REAL) $(UT) -o $@ $<

DOUBLE = $(addprefix tests/build/,gradient_test golden_test network_test)
$(DOUBLE): REAL = -DREAL=double
tests/build/golden_float_test: tests/golden_test.cpp
tests/build/network_float_test: tests/network_test.cpp
tests/build/golden_test tests/build/golden_float_test tests/build/program_test: rnn.cpp

test: rnn $(PROGRAMS)
	@passed=0; failed=0; port=tests/golden/port.py; \
	command -v python3 >/dev/null || { port=; echo "no python3 here: tests/golden/port.py is not run"; }; \
	for program in $(PROGRAMS) tests/cli_test.sh tests/kill_test.sh $$port; do \
	  echo "== $$program"; \
	  if $$program; then passed=$$((passed + 1)); else failed=$$((failed + 1)); echo "FAILED: $$program"; fi; \
	done; \
	echo "$$passed passed, $$failed failed"; [ $$failed -eq 0 ]

export SEED = 1
gradcheck: tests/build/gradient_test
	@tests/build/gradient_test

bench: rnn
	@mkdir -p tests/build
	$(CXX) $(CXXFLAGS) -DNDEBUG -o tests/build/bench tests/bench.cpp
	@tests/bench.sh

# Under the address and undefined-behaviour sanitizers, then under the thread sanitizer.
SANITIZE = $(CXX) $(FLAGS) -O1 -g -march=native -fno-sanitize-recover=all

sanitize:
	@mkdir -p tests/build/sanitize
	set -e; for kind in address,undefined thread; do \
	  for test in $(notdir $(PROGRAMS)); do \
	    real=; case " $(notdir $(DOUBLE)) " in *" $$test "*) real=-DREAL=double ;; esac; \
	    $(SANITIZE) -fsanitize=$$kind $$real $(UT) -o tests/build/sanitize/$$test tests/$$test.cpp; \
	    tests/build/sanitize/$$test; \
	  done; \
	  $(SANITIZE) -fsanitize=$$kind -o tests/build/sanitize/rnn rnn.cpp; \
	  tests/build/sanitize/rnn data/ --epochs 2 --threads 2 --model_dir tests/build/sanitize; \
	  RNN=$$PWD/tests/build/sanitize/rnn tests/cli_test.sh; \
	done

# libFuzzer on both readers; a finding is left in tests/build/fuzz/.
FUZZ_SECONDS = 600

fuzz:
	@mkdir -p tests/build/fuzz/corpus_model tests/build/fuzz/corpus_names
	set -e; for reader in model names; do \
	  clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	    -o tests/build/fuzz/$$reader tests/fuzz/$${reader}_fuzz.cpp; \
	  ASAN_OPTIONS=quarantine_size_mb=16 tests/build/fuzz/$$reader -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
	    -artifact_prefix=tests/build/fuzz/ tests/build/fuzz/corpus_$$reader tests/fuzz/$$reader; \
	done

scale: rnn
	@tests/scale.sh

# The last lines: 32 bits where the compiler has them (Debian: g++-multilib), and builds that must be refused.
portable:
	@mkdir -p tests/build
	set -e; machine32=; \
	if echo 'int main(){}' | g++ -m32 -x c++ -o /dev/null - 2>/dev/null; then machine32="-m32 -msse2 -mfpmath=sse"; fi; \
	for compiler in "g++ -std=c++20" "g++ -std=c++23" "clang++ -std=c++20"; do \
	  for level in -O0 -O1 -O2 -O3; do for machine in "" -march=native $${machine32:+"$$machine32"}; do \
	    case "$$compiler $$machine" in clang*-m32*) continue ;; esac; \
	    echo $$compiler $$level $$machine; \
	    build="$$compiler $$level $$machine -Wall -Wextra -Wpedantic -Wshadow -Werror -pthread -o tests/build/portable"; \
	    $$build rnn.cpp; \
	    tests/build/portable --epochs 1 --hidden_dim 16 --model_dir tests/build/portable_models >/dev/null; \
	    $$build tests/math_test.cpp; tests/build/portable; \
	    case "$$machine" in -m32*) $$build tests/model_test.cpp; tests/build/portable ;; esac; \
	    $$build -DREAL=double tests/gradient_test.cpp; tests/build/portable >/dev/null; \
	  done; done; \
	done; \
	for flag in -ffast-math -Ofast -ffinite-math-only $${machine32:+"-m32 -mfpmath=387"}; do \
	  echo "g++ $$flag must be refused"; \
	  if g++ -std=c++20 $$flag -pthread -o tests/build/portable rnn.cpp 2>/dev/null; then exit 1; fi; \
	done; \
	echo "clang++ -funsafe-math-optimizations must be noticed at the start"; \
	clang++ -std=c++20 -O2 -funsafe-math-optimizations -pthread -o tests/build/portable rnn.cpp; \
	if tests/build/portable --help >/dev/null 2>&1; then exit 1; fi

clean:
	rm -rf rnn tests/build

.PHONY: test gradcheck bench sanitize fuzz scale portable clean
