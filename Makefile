# For GNU make (on BSD: gmake). CXX=clang++ takes another compiler, FAST= builds for other machines than this one, and
# -j2 does two things at once.
#
# make            builds ./rnn
# make test       builds and runs every test
# make gradcheck  the gradient of every parameter against central differences; make gradcheck SEED=2 for other names
# make bench      measures this machine and this program
# make sanitize   runs the tests and a short training under the sanitizers
# make fuzz       fuzzes the readers (clang), FUZZ_SECONDS each
# make scale      trains on large and odd data, two million names and 60,000 letters among them
# make portable   builds with several compilers, standards, levels of optimisation and machines, without warnings
# make kit        checks the files for ports, in tests/golden, with a port in Python
# make exercises  makes the cell of a copy a gated recurrent unit, checks its gradient, trains it and lets it answer
# make clean      removes what make made

# make has a CXX of its own: g++ unless the command line or the environment says another.
ifeq ($(origin CXX),default)
CXX      = g++
endif
FLAGS    = -std=c++20 -O3 -Wall -Wextra -Wpedantic -Wshadow -pthread
# Those that this compiler takes, asked once. -march=native: all vectors that this machine has.
FAST     = $(eval FAST := $(foreach flag,-march=native -mprefer-vector-width=512 -ffp-contract=fast -fno-math-errno \
           -fno-trapping-math,$(shell $(CXX) -Werror $(flag) -fsyntax-only -x c++ /dev/null 2>/dev/null \
           && echo $(flag))))$(FAST)
CXXFLAGS = $(FLAGS) $(FAST)

rnn: rnn.cpp rnn.hpp Makefile
	$(CXX) $(CXXFLAGS) -DNDEBUG -o $@ rnn.cpp

# tests/build/NAME comes from tests/NAME.cpp, at a level of optimisation that is soon built; math_test measures what the
# program runs. UT_INCLUDE names a folder with the real boost/ut.hpp; without it tests/ut.hpp is all there is.
# _GLIBCXX_ASSERTIONS: the library checks every index.
PROGRAMS = $(patsubst tests/%.cpp,tests/build/%,$(wildcard tests/*_test.cpp))
UT       = $(if $(UT_INCLUDE),-isystem $(UT_INCLUDE))
LEVEL    = -Og

tests/build/%: tests/%.cpp tests/common.hpp tests/ut.hpp rnn.hpp Makefile
	@mkdir -p tests/build
	$(CXX) $(CXXFLAGS) $(LEVEL) -D_GLIBCXX_ASSERTIONS $(REAL) $(UT) -o $@ $<

DOUBLE = $(addprefix tests/build/,gradient_test golden_test network_test)
$(DOUBLE): REAL = -DREAL=double
tests/build/golden_float_test: tests/golden_test.cpp
tests/build/network_float_test: tests/network_test.cpp
tests/build/golden_test tests/build/golden_float_test: tests/golden.hpp
tests/build/program_test: rnn.cpp tests/golden.hpp tests/golden_program.hpp
tests/build/math_test: LEVEL = -O3

# A target for each test, so that -j runs them side by side, what takes longest first. What it prints goes to a log that
# ends with how it ended. A test is judged by its exit status, and all run even when one fails.
TESTS = tests/kill_test.sh tests/cli_test.sh tests/build/program_test \
        $(filter-out tests/build/program_test,$(PROGRAMS))
RUNS  = $(addprefix run/,$(TESTS))
LOGS  = $(patsubst %,tests/build/%.log,$(notdir $(TESTS)))

run/tests/kill_test.sh run/tests/cli_test.sh: rnn
$(RUNS): run/%: %
	@mkdir -p tests/build; log=tests/build/$(@F).log; echo "== $<" >$$log; \
	if $< >>$$log 2>&1; then echo "passed: $<" >>$$log; else echo "FAILED: $<" >>$$log; fi; \
	cat $$log

test: rnn $(RUNS)
	@passed=0; failed=0; for log in $(LOGS); do \
	  case $$(tail -n 1 $$log) in \
	    passed:*) passed=$$((passed + 1)) ;; \
	    *) failed=$$((failed + 1)); tail -n 1 $$log ;; \
	  esac; \
	done; \
	echo "$$passed passed, $$failed failed"; [ $$failed -eq 0 ]

kit:
	@if command -v python3 >/dev/null; then tests/golden/port.py; \
	else echo "no python3 here: tests/golden/port.py is not run"; fi

exercises:
	@tests/exercises.sh

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

portable:
	@tests/portable.sh

clean:
	rm -rf rnn tests/build

.PHONY: test $(RUNS) kit exercises gradcheck bench sanitize fuzz scale portable clean
