# make          builds ./rnn
# make test     builds and runs every test program
# make bench    measures this machine and this program
# make sanitize runs the tests and a short training under the sanitizers
# make fuzz     fuzzes the readers (clang), FUZZ_SECONDS each
# make scale    trains on large and odd data, two million names and 60,000 letters among them
# make portable builds with two compilers, two standards and all levels of optimisation, without warnings
# make clean    removes what make made

CXX      = g++
FLAGS    = -std=c++20 -O3 -Wall -Wextra -Wpedantic -Wshadow -pthread
# Asked of the compiler, since not every one takes them. -march=native: all vectors that this machine has.
FAST     = $(foreach flag,-march=native -mprefer-vector-width=512 -ffp-contract=fast -fno-math-errno -fno-trapping-math,\
           $(shell echo 'int main(){}' | $(CXX) -Werror $(flag) -x c++ -o /dev/null - 2>/dev/null && echo $(flag)))
CXXFLAGS = $(FLAGS) $(FAST)

rnn: rnn.cpp rnn.hpp
	$(CXX) $(CXXFLAGS) -DNDEBUG -o $@ rnn.cpp

# Tests. Each program is judged by its exit status, and all run even when one fails. UT_INCLUDE names a folder with the
# real boost/ut.hpp; without it our subset in tests/ is used.
UT       = $(if $(UT_INCLUDE),-isystem $(UT_INCLUDE),-Itests)
PROGRAMS = $(patsubst tests/%.cpp,tests/build/%,$(wildcard tests/*_test.cpp))

tests/build/%: tests/%.cpp tests/common.hpp tests/boost/ut.hpp rnn.hpp Makefile
	@mkdir -p tests/build
	$(CXX) $(CXXFLAGS) $(UT) -o $@ $<

test: rnn $(PROGRAMS)
	@passed=0; failed=0; port=tests/golden/port.py; \
	command -v python3 >/dev/null || { port=; echo "no python3 here: tests/golden/port.py is not run"; }; \
	for program in $(PROGRAMS) tests/cli_test.sh tests/kill_test.sh $$port; do \
	  echo "== $$program"; \
	  if $$program; then passed=$$((passed + 1)); else failed=$$((failed + 1)); echo "FAILED: $$program"; fi; \
	done; \
	echo "$$passed passed, $$failed failed"; [ $$failed -eq 0 ]

bench: rnn
	@mkdir -p tests/build
	$(CXX) $(CXXFLAGS) -DNDEBUG -o tests/build/bench tests/bench.cpp
	@tests/bench.sh

# The tests and a training of two epochs, under the address and undefined-behaviour sanitizers, then under the thread
# sanitizer.
SANITIZE = $(CXX) $(FLAGS) -O1 -g -march=native -fno-sanitize-recover=all

sanitize:
	@mkdir -p tests/build/sanitize
	set -e; for kind in address,undefined thread; do \
	  for test in $(notdir $(PROGRAMS)); do \
	    $(SANITIZE) -fsanitize=$$kind $(UT) -o tests/build/sanitize/$$test tests/$$test.cpp; tests/build/sanitize/$$test; \
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

portable:
	@mkdir -p tests/build
	set -e; for compiler in "g++ -std=c++20" "g++ -std=c++23" "clang++ -std=c++20" "clang++ -std=c++2b"; do \
	  for level in -O0 -O1 -O2 -O3; do for machine in "" -march=native; do \
	    echo $$compiler $$level $$machine; \
	    $$compiler $$level $$machine -Wall -Wextra -Wpedantic -Wshadow -Werror -pthread -o tests/build/portable rnn.cpp; \
	    tests/build/portable --mode gradcheck data/ >/dev/null; \
	  done; done; \
	done

clean:
	rm -rf rnn tests/build

.PHONY: test bench sanitize fuzz scale portable clean
