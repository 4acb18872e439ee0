// Runs a program of this repository and looks at it from outside.
#ifndef RQLOCKDEP_TESTS_SUPPORT_CHILD_H_
#define RQLOCKDEP_TESTS_SUPPORT_CHILD_H_

#include <sys/types.h>

#include <string>
#include <vector>

namespace rqlockdep {

class Child {
 public:
  // Starts `words`, the first of which is a path in the runfiles, with `environment` ("NAME=VALUE")
  // added to this process's own; "NAME" alone takes a variable away. Output and errors go to one
  // file.
  Child(const std::vector<std::string>& words, const std::vector<std::string>& environment);
  // Kills it if it still runs.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  // What it has written so far.
  std::string Output() const;
  // Waits until it has written `text` `times` times. False if it ended without.
  bool WaitForOutput(const std::string& text, int times = 1);
  // Waits until it has at least `threads` threads and all of them sleep. False if it ended.
  bool WaitUntilAllSleep(int threads);
  void Signal(int signal) const;
  // Waits for its end: the exit status, or minus the signal that killed it.
  int Wait();

 private:
  bool HasEnded();

  pid_t pid_ = 0;
  bool ended_ = false;
  int status_ = 0;
  std::string path_;
};

int Count(const std::string& text, const std::string& part);

}  // namespace rqlockdep

#endif  // RQLOCKDEP_TESTS_SUPPORT_CHILD_H_
