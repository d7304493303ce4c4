#!/usr/bin/env bash
# Builds the program, math_test and gradient_test without warnings, with several compilers, standards, levels of
# optimisation and machines, and runs them; builds that must be refused are refused. What is not installed here is
# named and passed over. Run from the project's folder: tests/portable.sh
set -eu
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

has() { command -v "$1" >/dev/null; }
passed_over() { echo "passed over: $1 (Debian: $2)"; }
compiles() { printf '#include <cerrno>\nint main() {}' | "$@" -x c++ -o "$work/probe" - 2>/dev/null; }

# builds COMMAND...: a compiler and its flags; RUN starts a program for another machine.
RUN=
builds() {
  echo "$@"
  local build=("$@" -Wall -Wextra -Wpedantic -Wshadow -Werror -pthread)
  "${build[@]}" -o "$work/rnn" rnn.cpp
  $RUN "$work/rnn" data/ --epochs 1 --hidden_dim 16 --model_dir "$work/models" >/dev/null
  "${build[@]}" -o "$work/math_test" tests/math_test.cpp
  $RUN "$work/math_test" 2>&1 | tail -n 1
  "${build[@]}" -DREAL=double -o "$work/gradient_test" tests/gradient_test.cpp
  $RUN "$work/gradient_test" >/dev/null
  case "$*" in *-m32*|aarch64*) ;; *) return ;; esac  # sizes of models, where a size_t may be shorter
  "${build[@]}" -o "$work/model_test" tests/model_test.cpp
  $RUN "$work/model_test"
}

# refused PATTERN COMMAND...: the build ends with an error that says what to do.
refused() {
  local pattern=$1
  shift
  echo "$* must be refused"
  if "$@" -std=c++20 -pthread -o "$work/rnn" rnn.cpp 2>"$work/errors"; then exit 1; fi
  grep -q -- "$pattern" "$work/errors"
}

machine32="-m32 -msse2 -mfpmath=sse"
if ! compiles g++ -m32; then
  passed_over "g++ -m32" "g++-multilib, which is at odds with the compilers for aarch64"
  machine32=
fi
for compiler in "g++ -std=c++20" "g++ -std=c++23" "clang++ -std=c++20"; do
  has ${compiler%% *} || { passed_over "$compiler" "${compiler%%+*}"; continue; }
  for level in -O0 -O1 -O2 -O3; do
    builds $compiler $level
    builds $compiler $level -march=native
    case $compiler in g++*) if [ -n "$machine32" ]; then builds $compiler $level $machine32; fi ;; esac
  done
done

library=
for compiler in clang++ clang++-19 clang++-16; do  # libc++ 14, Debian 12's default, lacks what we need
  if has $compiler && echo '#include <version>
    static_assert(_LIBCPP_VERSION >= 16000); int main() {}' |
    $compiler -std=c++20 -stdlib=libc++ -x c++ -o "$work/probe" - 2>/dev/null; then library=$compiler; break; fi
done
if [ -n "$library" ]; then
  builds $library -std=c++20 -stdlib=libc++ -O2
else
  passed_over "clang++ -stdlib=libc++ of at least 16" "clang-16 libc++-16-dev libc++abi-16-dev"
fi

if has qemu-aarch64 && compiles aarch64-linux-gnu-g++ -static; then
  RUN=qemu-aarch64
  builds aarch64-linux-gnu-g++ -std=c++20 -O2 -static
else
  passed_over "aarch64 under qemu" "g++-aarch64-linux-gnu qemu-user"
fi

if has qemu-x86_64; then  # a processor of 2008: SSE4.2, no AVX
  echo "make FAST= for another machine"
  mkdir "$work/other"
  cp Makefile rnn.cpp rnn.hpp "$work/other"
  make -s -C "$work/other" FAST=
  qemu-x86_64 -cpu Nehalem "$work/other/rnn" data/ --epochs 1 --hidden_dim 16 --model_dir "$work/models" >/dev/null
else
  passed_over "make FAST= under qemu" qemu-user
fi

for flag in -ffast-math -Ofast -ffinite-math-only; do refused "build without -ffast-math" g++ $flag; done
if [ -n "$machine32" ]; then refused "build with -msse2 -mfpmath=sse" g++ -m32 -mfpmath=387; fi
if has x86_64-w64-mingw32-g++; then
  refused "use WSL" x86_64-w64-mingw32-g++
else
  passed_over "MinGW, which must be refused" g++-mingw-w64-x86-64
fi

if has clang++; then
  echo "clang++ -funsafe-math-optimizations must be noticed at the start"
  clang++ -std=c++20 -O2 -funsafe-math-optimizations -pthread -o "$work/rnn" rnn.cpp
  if "$work/rnn" --help >/dev/null 2>&1; then exit 1; fi
fi
