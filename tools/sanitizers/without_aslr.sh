#!/bin/bash
# Runs a program where its sanitizer finds its memory free: without_aslr.sh PROGRAM ARGS...
#
# Why: the sanitizers of g++ 12 and clang 14 keep their shadow memory at fixed addresses and were made
# for kernels that randomise 28 bits of an mmap address. Newer kernels may randomise 32, and then such
# a program stops at random before main ("unexpected memory mapping"). Without randomisation it runs.
# Some containers forbid turning it off; there the program runs as it is.
set -u
bits=$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 32)
if ((bits > 28)) && setarch --addr-no-randomize true 2>/dev/null; then
  exec setarch --addr-no-randomize "$@"
fi
exec "$@"
