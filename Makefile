# make          builds ./rnn
# make test     builds and runs every test program
# make bench    measures this machine and this program
# make sanitize runs the tests and a short training under the sanitizers
# make fuzz     fuzzes the readers (clang), FUZZ_SECONDS each
# make clean    removes what make made

CXX      = g++
FLAGS    = -std=c++20 -O3 -Wall -Wextra -Wpedantic -Wshadow -pthread
# Asked of the compiler, since not every one takes them. -march=native: all vectors that this machine has.
FAST     = $(foreach flag,-march=native -mprefer-vector-width=512 -ffp-contract=fast -fno-math-errno -fno-trapping-math,\
           $(shell echo 'int main(){}' | $(CXX) -Werror $(flag) -x c++ -o /dev/null - 2>/dev/null && echo $(flag)))
CXXFLAGS = $(FLAGS) $(FAST)

rnn: rnn.cpp rnn.hpp
	$(CXX) $(CXXFLAGS) -DNDEBUG -o $@ rnn.cpp
