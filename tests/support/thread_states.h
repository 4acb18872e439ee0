// What a thread is doing, as the kernel tells it, for tests that wait for it to do so.
//
// A header alone, so that tests/aarch64 needs no more than the test itself.
#ifndef RQLOCKDEP_TESTS_SUPPORT_THREAD_STATES_H_
#define RQLOCKDEP_TESTS_SUPPORT_THREAD_STATES_H_

#include <sys/types.h>

#include <fstream>
#include <string>
#include <thread>

namespace rqlockdep {

// The state's letter: 'R' runs or could, 'S' sleeps, 'Z' and 'X' have ended; 0 if there is no such
// thread.
inline char StateOf(pid_t process, pid_t thread) {
  std::ifstream file("/proc/" + std::to_string(process) + "/task/" + std::to_string(thread) +
                     "/stat");
  std::string line;
  std::getline(file, line);
  // "1234 (name) S ...". The name may contain anything.
  const size_t end_of_name = line.rfind(')');
  return end_of_name == std::string::npos || end_of_name + 2 >= line.size() ? '\0'
                                                                            : line[end_of_name + 2];
}

// Waits until the thread sleeps in the kernel. False if it has ended.
inline bool AwaitSleep(pid_t process, pid_t thread) {
  for (;;) {
    const char state = StateOf(process, thread);
    if (state == 'S') return true;
    if (state == 'Z' || state == 'X' || state == '\0') return false;
    std::this_thread::yield();
  }
}

// Waits until the kernel has forgotten the thread, which was joined. Whoever joins it is woken
// before that, so for a moment it is still in /proc.
inline void AwaitEnd(pid_t process, pid_t thread) {
  while (StateOf(process, thread) != '\0') std::this_thread::yield();
}

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_SUPPORT_THREAD_STATES_H_
