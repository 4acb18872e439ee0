// One report in the making: the text, the names, and what both have in common.
//
// Every piece of a report (headline, cycle, scenario, advice) is a function that writes on a Page.
// Names come shortened to the width asked for; what was shortened is listed in full at the end of
// the report (WriteLegend), where marks such as {1} lead to it. Signal-safe: a page's own memory is
// an anonymous mapping, and what it calls of Names must be signal-safe too.
#ifndef RQLOCKDEP_VALIDATOR_REPORT_PAGE_H_
#define RQLOCKDEP_VALIDATOR_REPORT_PAGE_H_

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "validator/core/finding.h"
#include "validator/report/label.h"
#include "validator/report/names.h"
#include "validator/report/prose.h"
#include "validator/report/text_writer.h"

namespace rqlockdep::report {

class Page {
 public:
  // Names in running text are cut to this many columns.
  static constexpr size_t kNameColumns = 56;

  enum class Marks { kOff, kOn };

  // Both must outlive the page. With marks off a shortened name stands alone.
  Page(Names& names, TextWriter& out, Marks marks) : names_(names), out_(out), marks_(marks) {}

  TextWriter& out() { return out_; }
  Names& names() { return names_; }

  // A paragraph of running text, two columns in.
  Prose Paragraph() { return {out_, 2, 2}; }
  // An item of a list.
  Prose Item() { return {out_, 4, 6}; }
  // An empty line, then `title` and a colon.
  void Heading(std::string_view title);

  // "hashtab.bucket#2/1": `#2` is the second class of that name, `/1` the subclass.
  Label Class(const ClassInfo* lock_class, size_t max = kNameColumns);
  // The same for the class of `lock`; the instance if the class is not known.
  Label Class(const FindingLock& lock, size_t max = kNameColumns);
  // " [instance 0x7f...]", or nothing when the class name says as much.
  Label Instance(const FindingLock& lock);
  Label Thread(ThreadId thread, size_t max = 40);
  // "lock(hashtab.bucket)": how `lock` was taken or is asked for.
  Label Call(const FindingLock& lock, size_t max = kNameColumns);
  // The same without the name: "lock()".
  Label CallOnly(const FindingLock& lock);
  // " at file.cc:12", where in the program's own code the lock was taken; nothing if unknown.
  Label Place(const FindingLock& lock);

  // The names that were shortened, in full, and those of construction sites, with the place where a
  // lock of the class was first taken.
  void WriteLegend();

 private:
  // Beyond these, shortened names have no mark.
  static constexpr size_t kMaxMarks = 32;

  // 1, 2, ... for a class with a shortened name; 0 if there is no room to remember it.
  size_t MarkOf(const ClassInfo& lock_class);

  Names& names_;
  TextWriter& out_;
  const Marks marks_;
  TextWriter scratch_;
  size_t mark_count_ = 0;
  std::array<const ClassInfo*, kMaxMarks> marked_ = {};
};

}  // namespace rqlockdep::report

#endif  // RQLOCKDEP_VALIDATOR_REPORT_PAGE_H_
