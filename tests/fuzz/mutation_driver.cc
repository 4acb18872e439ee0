// A main() for libFuzzer's interface where there is no libFuzzer (g++): feeds the conformance
// traces and random mutations of them to LLVMFuzzerTestOneInput, always the same ones.
//
//   mutation_driver [ITERATIONS]    default 20000
//
// It knows nothing of coverage and finds shallow faults only; it keeps the fuzz target alive
// between the long runs with libFuzzer.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/conformance/trace_corpus.h"
#include "tests/reference/seeded_random.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace rqlockdep {
namespace {

void RunOne(const std::string& text) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

// A random stretch of `text`: a place in it and a length that stays in it.
std::pair<size_t, size_t> Stretch(std::string_view text, SeededRandom& random, int max_length) {
  const int size = static_cast<int>(text.size());
  const int begin = random.Below(size + 1);
  const int length = random.Below(std::min(max_length, size - begin) + 1);
  return {begin, length};
}

void Mutate(std::string& text, const std::vector<CorpusTrace>& corpus, SeededRandom& random) {
  static const std::vector<std::string> kWords = {"lock ",       "lock-trace 1\n",
                                                  " acquire ",   " release ",
                                                  " enter hard", " leave soft",
                                                  " mask ",      " read",
                                                  " try",        " timed",
                                                  " subclass=3", " nest=A",
                                                  " =ok",        " =timeout",
                                                  " class=A",    " rwlock",
                                                  " section",    "#",
                                                  "\n",          "\r\n",
                                                  "\t",          "\xc3\xa9",
                                                  "\xff",        "A",
                                                  " exit\n",     " spawn ",
                                                  "=",           std::string(1, '\0')};
  const auto [begin, length] = Stretch(text, random, 20);
  switch (random.Below(6)) {
    case 0:
      text.erase(begin, length);
      break;
    case 1:
      text.insert(begin, random.OneOf(kWords));
      break;
    case 2:
      text.replace(begin, length, random.OneOf(kWords));
      break;
    case 3:
      if (begin < text.size()) text[begin] = static_cast<char>(random.Below(256));
      break;
    case 4:
      text.insert(begin, text.substr(begin, length));
      break;
    case 5: {
      const std::string& other = random.OneOf(corpus).text;
      const auto [other_begin, other_length] = Stretch(other, random, 200);
      text.insert(begin, other.substr(other_begin, other_length));
      break;
    }
  }
}

int Run(int iterations) {
  const std::vector<CorpusTrace> corpus = LoadTraceCorpus();
  for (const CorpusTrace& trace : corpus) RunOne(trace.text);
  SeededRandom random(1);
  for (int i = 0; i < iterations; ++i) {
    std::string text = random.OneOf(corpus).text;
    const int mutations = random.Between(1, 4);
    for (int k = 0; k < mutations; ++k) Mutate(text, corpus, random);
    RunOne(text);
  }
  // The longest line that is allowed and the shortest that is not.
  for (int extra : {0, 1}) RunOne("lock-trace 1\n#" + std::string(64 * 1024 - 1 + extra, 'x'));
  std::printf("%zu traces, %d mutations\n", corpus.size(), iterations);
  return 0;
}

}  // namespace
}  // namespace rqlockdep

int main(int argc, char** argv) { return rqlockdep::Run(argc > 1 ? std::atoi(argv[1]) : 20000); }
