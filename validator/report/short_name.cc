#include "validator/report/short_name.h"

#include <algorithm>

namespace rqlockdep::report {
namespace {

using std::string_view;

constexpr string_view kEllipsis = "...";
constexpr string_view kOperator = "operator";
constexpr string_view kConst = " const";
constexpr string_view kAnonymous = "(anonymous namespace)";

// What is put in place of bracketed lists: "(...)", that and "<...>", nothing at all.
enum class Collapse { kParameters, kTemplates, kAll };

bool IsIdentifier(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// The position of the bracket that closes the one at `open`, or npos.
size_t Closing(string_view name, size_t open) {
  const char opens = name[open];
  const char closes = opens == '(' ? ')' : '>';
  size_t depth = 0;
  for (size_t i = open; i < name.size(); ++i) {
    if (name[i] == opens) ++depth;
    // The end of "->" closes nothing.
    if (name[i] == closes && (closes == ')' || name[i - 1] != '-') && --depth == 0) return i;
  }
  return string_view::npos;
}

// The length of an operator's name at `i` ("operator<<", "operator()"), else 0.
size_t OperatorAt(string_view name, size_t i) {
  if (name.substr(i, kOperator.size()) != kOperator) return 0;
  if (i > 0 && IsIdentifier(name[i - 1])) return 0;
  const size_t symbol = i + kOperator.size();
  if (name.substr(symbol, 2) == "()") return kOperator.size() + 2;
  const size_t end = std::min(name.find_first_not_of("<>=-!+*/%^&|~[],", symbol), name.size());
  return end - i;
}

// Calls `emit` for every piece of `name` that is left after collapsing.
template <typename Emit>
void ForEachPiece(string_view name, Collapse level, const Emit& emit) {
  for (size_t i = 0; i < name.size();) {
    size_t verbatim = OperatorAt(name, i);
    if (verbatim == 0 && name.substr(i, kAnonymous.size()) == kAnonymous) {
      verbatim = kAnonymous.size();
    }
    if (verbatim == 0) {
      verbatim = 1;
      const bool collapses = name[i] == '(' || (name[i] == '<' && level != Collapse::kParameters);
      const size_t closing = collapses ? Closing(name, i) : string_view::npos;
      if (closing != string_view::npos && level == Collapse::kAll) {
        i = closing + 1;
        if (name.substr(i, kConst.size()) == kConst) i += kConst.size();
        continue;
      }
      if (closing != string_view::npos && closing - i - 1 > kEllipsis.size()) {
        emit(name.substr(i, 1));
        emit(kEllipsis);
        emit(name.substr(closing, 1));
        i = closing + 1;
        continue;
      }
    }
    emit(name.substr(i, verbatim));
    i += verbatim;
  }
}

// `name` without the return type that the demangler puts before function templates.
string_view WithoutReturnType(string_view name) {
  size_t start = 0;
  for (size_t i = 0; i < name.size();) {
    if (name.substr(i, kAnonymous.size()) == kAnonymous) {
      i += kAnonymous.size();
    } else if (name[i] == '(' || OperatorAt(name, i) > 0) {
      return name.substr(start);
    } else if (name[i] == '<' && Closing(name, i) != string_view::npos) {
      i = Closing(name, i) + 1;
    } else {
      if (name[i] == ' ') start = i + 1;
      ++i;
    }
  }
  return name;  // no function
}

// Keeps the end of a text of which only pieces are known.
class Tail {
 public:
  explicit Tail(size_t skip) : skip_(skip) {}
  void Add(string_view piece) {
    const size_t cut = std::min(skip_, piece.size());
    skip_ -= cut;
    label_ << piece.substr(cut);
  }
  // "..." and the end from the beginning of a scope or word, if one begins early enough.
  Label Ellipsis(string_view separator) const {
    string_view text = label_.view();
    const size_t at = text.find(separator);
    if (at != string_view::npos && at <= text.size() / 3) {
      text.remove_prefix(at);
    } else {
      while (!text.empty() && (IsContinuation(text.front()) || text.front() == ' ')) {
        text.remove_prefix(1);
      }
    }
    Label result(kEllipsis);
    result << text;
    return result;
  }

 private:
  size_t skip_;
  Label label_;
};

}  // namespace

Label ShortenName(string_view name, size_t max) {
  max = std::min(max, Label::kCapacity);
  if (name.size() <= max) return name;
  name = WithoutReturnType(name);
  if (name.size() <= max) return name;
  size_t size = 0;
  for (const Collapse level : {Collapse::kParameters, Collapse::kTemplates, Collapse::kAll}) {
    size = 0;
    ForEachPiece(name, level, [&](string_view piece) { size += piece.size(); });
    if (size <= max) {
      Label result;
      ForEachPiece(name, level, [&](string_view piece) { result << piece; });
      return result;
    }
  }
  Tail tail(size - (max - kEllipsis.size()));
  ForEachPiece(name, Collapse::kAll, [&](string_view piece) { tail.Add(piece); });
  return tail.Ellipsis("::");
}

Label ShortenPath(string_view path, size_t max) {
  max = std::min(max, Label::kCapacity);
  if (path.size() <= max) return path;
  Tail tail(path.size() - (max - kEllipsis.size()));
  tail.Add(path);
  return tail.Ellipsis("/");
}

Label ShortenMiddle(string_view text, size_t max) {
  max = std::min(max, Label::kCapacity);
  if (text.size() <= max) return text;
  size_t front = (max - kEllipsis.size() + 1) / 2;
  size_t back = text.size() - (max - kEllipsis.size() - front);
  while (front > 0 && IsContinuation(text[front])) --front;
  while (back < text.size() && IsContinuation(text[back])) ++back;
  Label result(text.substr(0, front));
  result << kEllipsis << text.substr(back);
  return result;
}

}  // namespace rqlockdep::report
