#include "tests/support/sample_findings.h"

#include <cstdlib>
#include <utility>

namespace rqlockdep {
namespace {

const char kLongPrefix[] =
    "storage::(anonymous namespace)::ConcurrentTable<std::__cxx11::basic_string<char, "
    "std::char_traits<char>, std::allocator<char> >, std::vector<std::pair<int, "
    "std::unique_ptr<storage::Page, std::default_delete<storage::Page> > > >, (storage::Policy)2>::"
    "Bucket<(storage::Kind)1>::";
const char kLongSuffix[] =
    "(std::map<int, std::function<void (storage::Page const&, unsigned long)>, std::less<int> > "
    "const&, std::initializer_list<unsigned long long>, storage::Options::Flags, bool) const";
const char kLongFolder[] =
    "/home/build/workspace/a-rather-long-name-of-a-checkout/products/storage/engine/internal/"
    "concurrency/primitives/detail/implementation/";

}  // namespace

SampleFindings::SampleFindings(Naming naming) : naming_(naming) {
  names_.NameThread(1, naming == Naming::kLong ? std::string(90, 'w') : "main");
  AddCycles();
  AddContexts();
  AddRecursion();
  AddBalance();
  AddDeadlocks();
}

const Finding& SampleFindings::Get(const std::string& name) const {
  for (const Sample& sample : samples_) {
    if (sample.name == name) return sample.finding;
  }
  std::abort();
}

const ClassInfo* SampleFindings::Class(const std::string& name, LockKind kind, uint8_t subclass,
                                       uint32_t version) {
  texts_.push_back(naming_ == Naming::kShort ? name : kLongPrefix + name + kLongSuffix);
  ClassInfo info;
  info.id = static_cast<ClassId>(classes_.size() + 1);
  info.kind = kind;
  info.subclass = subclass;
  info.version = version;
  info.key.type = ClassKey::Type::kExplicit;
  info.key.name = texts_.back().c_str();
  classes_.push_back(info);
  return &classes_.back();
}

CallSite SampleFindings::Site(const std::string& function, int line) {
  CallSite site;
  if (naming_ == Naming::kShort) {
    site.frames[0] = names_.AddAddress(function + "()", "src/worker.cc", line);
    site.frames[1] = names_.AddAddress("Worker::Run()", "src/worker.cc", 20);
  } else {
    site.frames[0] = names_.AddAddress("std::scoped_lock<storage::Mutex>::scoped_lock(X&)",
                                       "/usr/include/c++/12/mutex", 720);
    site.frames[1] = names_.AddAddress(kLongPrefix + function + kLongSuffix,
                                       std::string(kLongFolder) + "worker.cc", line);
    site.frames[2] = 0xdeadbeef;  // of an unknown place
    site.frames[3] = names_.AddAddress("operator<<" + std::string(200, 'x'), "a.cc", 1);
  }
  return site;
}

FindingLock SampleFindings::Lock(const ClassInfo* lock_class, const std::string& function, int line,
                                 Strength strength, LockMode mode) {
  FindingLock lock;
  lock.lock_class = lock_class;
  lock.instance = reinterpret_cast<const void*>(uintptr_t{0x7f0000001000} + lock_class->id * 64);
  lock.mode = mode;
  lock.strength = strength;
  lock.site = Site(function, line);
  // The stack of an earlier time: the same place, reached by another way.
  lock.stack = names_.AddStack({lock.site.frames[0], lock.site.frames[1],
                                names_.AddAddress("FirstTime()", "src/main.cc", 7),
                                names_.AddAddress("main", "src/main.cc", 3)});
  lock.stack_is_exact = false;
  return lock;
}

FindingEdge SampleFindings::Edge(ThreadId thread, const FindingLock& held,
                                 const FindingLock& asked) {
  FindingEdge edge;
  edge.thread = thread;
  edge.held = held;
  edge.asked = asked;
  edge.asked.stack_is_exact = true;
  return edge;
}

std::span<const FindingLock> SampleFindings::Held(std::vector<FindingLock> locks) {
  return locks_.emplace_back(std::move(locks));
}

std::span<const FindingEdge> SampleFindings::Edges(std::vector<FindingEdge> edges) {
  return edges_.emplace_back(std::move(edges));
}

Finding& SampleFindings::Add(const std::string& name, FindingId id, Severity severity) {
  Sample& sample = samples_.emplace_back();
  sample.name = ToString(id) + (name.empty() ? "" : "." + name);
  sample.finding.id = id;
  sample.finding.severity = severity;
  sample.finding.number = static_cast<uint32_t>(samples_.size());
  sample.finding.thread = 2;
  return sample.finding;
}

Finding SampleFindings::Ring(size_t size) {
  std::vector<FindingLock> locks;
  for (size_t i = 0; i < size; ++i) {
    const bool resilient = i == 0;
    locks.push_back(Lock(
        Class("ring" + std::to_string(i), resilient ? LockKind::kRqspinlock : LockKind::kMutex),
        "Take", static_cast<int>(100 + i), resilient ? Strength::kResilient : Strength::kBlocking));
  }
  std::vector<FindingEdge> edges;
  for (size_t i = 0; i < size; ++i) {
    edges.push_back(Edge(static_cast<ThreadId>(i + 1), locks[i], locks[(i + 1) % size]));
  }
  Finding finding;
  finding.id = FindingId::kResilientCycle;
  finding.severity = Severity::kWarning;
  finding.thread = 1;
  finding.lock = edges[0].asked;
  finding.held = Held({locks[0]});
  finding.edges = Edges(std::move(edges));
  return finding;
}

void SampleFindings::AddCycles() {
  const ClassInfo* cache = Class("cache", LockKind::kQspinlock);
  const ClassInfo* table = Class("table", LockKind::kRqspinlock);
  const ClassInfo* log = Class("log", LockKind::kMutex, 1, 2);
  const ClassInfo* tree = Class("tree", LockKind::kRwsem);

  Finding* f = &Add("", FindingId::kCircularDependency, Severity::kError);
  f->lock = Lock(log, "Flush", 31);
  f->held = Held({Lock(cache, "Lookup", 30)});
  f->edges = Edges(
      {Edge(2, f->held[0], f->lock), Edge(1, Lock(log, "Append", 40), Lock(cache, "Evict", 41))});
  f->linked = true;

  f = &Add("readers", FindingId::kCircularDependency, Severity::kError);
  f->confidence = Confidence::kSingleThread;
  f->lock = Lock(tree, "Find", 51, Strength::kBlocking, LockMode::kReader);
  f->held = Held({Lock(cache, "Lookup", 50, Strength::kTry)});
  f->edges = Edges({Edge(2, f->held[0], f->lock),
                    Edge(2, Lock(tree, "Walk", 60, Strength::kBlocking, LockMode::kReader),
                         Lock(cache, "Evict", 61))});

  f = &Add("", FindingId::kResilientCycle, Severity::kWarning);
  f->lock = Lock(table, "Insert", 71, Strength::kResilient);
  f->held = Held({Lock(cache, "Lookup", 70)});
  f->edges =
      Edges({Edge(2, f->held[0], f->lock),
             Edge(1, Lock(table, "Resize", 80, Strength::kResilient), Lock(cache, "Evict", 81))});
  f->linked = true;

  // Three threads, two bounded acquisitions of different strength, fewer threads seen.
  f = &Add("several-bounded", FindingId::kResilientCycle, Severity::kWarning);
  f->confidence = Confidence::kFewThreads;
  f->lock = Lock(table, "Insert", 71, Strength::kResilient);
  f->held = Held({Lock(cache, "Lookup", 70)});
  f->edges = Edges({Edge(2, f->held[0], f->lock),
                    Edge(1, Lock(table, "Resize", 80, Strength::kResilient),
                         Lock(log, "Log", 82, Strength::kTimed)),
                    Edge(2, Lock(log, "Append", 83), Lock(cache, "Evict", 81))});

  Add("ring-of-seven", FindingId::kResilientCycle, Severity::kWarning) = Ring(7);
}

void SampleFindings::AddContexts() {
  const ClassInfo* stats = Class("stats", LockKind::kQspinlock);
  const ClassInfo* queue = Class("queue", LockKind::kQspinlock);
  const ClassInfo* table = Class("table", LockKind::kRqspinlock);
  const ClassInfo* config = Class("config", LockKind::kMutex);

  Finding* f = &Add("", FindingId::kInconsistentContext, Severity::kError);
  f->lock = Lock(stats, "OnSignal", 11);
  FindingEdge interruption = Edge(1, Lock(stats, "Count", 10), f->lock);
  interruption.implicit = true;
  f->edges = Edges({interruption});

  f = &Add("", FindingId::kContextInversion, Severity::kError);
  f->lock = Lock(queue, "Push", 14);
  f->held = Held({Lock(stats, "Count", 13)});
  interruption = Edge(1, Lock(queue, "Pop", 15), Lock(stats, "OnTimer", 16));
  interruption.implicit = true;
  interruption.context = ContextKind::kSoft;
  f->edges = Edges({Edge(2, f->held[0], f->lock), interruption});

  f = &Add("handler", FindingId::kResilientCycle, Severity::kWarning);
  f->lock = Lock(queue, "Push", 14);
  f->held = Held({Lock(table, "Insert", 13, Strength::kResilient)});
  interruption = Edge(1, Lock(queue, "Pop", 15), Lock(table, "OnSignal", 16, Strength::kResilient));
  interruption.implicit = true;
  f->edges = Edges({Edge(2, f->held[0], f->lock), interruption});

  f = &Add("", FindingId::kInvalidWaitContext, Severity::kWarning);
  f->lock = Lock(config, "Reload", 18);
  f->held = Held({Lock(stats, "Count", 17)});
  f->rank_needed = 4;
  f->rank_current = 2;

  f = &Add("handler", FindingId::kInvalidWaitContext, Severity::kError);
  f->lock = Lock(config, "OnSignal", 18);
  f->held = Held({Lock(stats, "Count", 17)});
  locks_.back()[0].this_context = false;
  f->rank_needed = 4;
  f->rank_current = 2;
}

void SampleFindings::AddRecursion() {
  const ClassInfo* node = Class("node", LockKind::kMutex);
  const ClassInfo* tree = Class("tree", LockKind::kRwsem);

  Finding* f = &Add("", FindingId::kRecursiveLocking, Severity::kError);
  f->detail = FindingDetail::kSelfDeadlock;
  f->lock = Lock(node, "Visit", 22);
  f->other = Lock(node, "Walk", 21);
  f->held = Held({f->other});

  f = &Add("timed-read", FindingId::kRecursiveLocking, Severity::kWarning);
  f->detail = FindingDetail::kSelfDeadlock;
  f->lock = Lock(tree, "Visit", 22, Strength::kTimed, LockMode::kReader);
  f->other = Lock(tree, "Walk", 21, Strength::kBlocking, LockMode::kReader);
  f->held = Held({f->other});

  f = &Add("same-class", FindingId::kRecursiveLocking, Severity::kError);
  f->detail = FindingDetail::kSameClass;
  f->lock = Lock(node, "Visit", 22);
  f->other = Lock(node, "Walk", 21);
  f->other.instance = reinterpret_cast<const void*>(uintptr_t{0x7f0000009000});
  f->held = Held({f->other});

  f = &Add("", FindingId::kNestLockNotHeld, Severity::kError);
  f->lock = Lock(node, "Visit", 22);
  f->other = Lock(tree, "Walk", 21);
  f->held = Held({Lock(node, "Walk", 23)});
}

void SampleFindings::AddBalance() {
  const ClassInfo* cache = Class("cache", LockKind::kQspinlock);
  const ClassInfo* table = Class("table", LockKind::kRqspinlock);

  const auto release = [&](const char* name, FindingDetail detail) {
    Finding& f = Add(name, FindingId::kUnbalancedRelease, Severity::kError);
    f.detail = detail;
    f.lock = Lock(table, "Finish", 91, Strength::kResilient);
    f.held = Held({Lock(cache, "Lookup", 90)});
    return &f;
  };
  release("not-held", FindingDetail::kNotHeld);
  release("held-by-other", FindingDetail::kHeldByOther)->other_thread = 1;
  release("outside", FindingDetail::kHeldOutsideContext);
  release("failed", FindingDetail::kAcquisitionFailed)->fail_reason = FailReason::kDeadlock;
  release("downgrade", FindingDetail::kDowngradeNotExclusive);

  const auto destroy = [&](const char* name, FindingDetail detail, ThreadId owner) {
    Finding& f = Add(name, FindingId::kHeldLockDestroyed, Severity::kError);
    f.detail = detail;
    f.lock = Lock(cache, "Close", 95);
    f.other_thread = owner;
    if (owner == f.thread) {
      f.other = Lock(cache, "Open", 94);
      f.held = Held({f.other});
    }
  };
  destroy("own", FindingDetail::kDestroy, 2);
  destroy("init", FindingDetail::kInit, 2);
  destroy("foreign", FindingDetail::kMemoryFreed, 1);

  Finding* f = &Add("", FindingId::kHeldAtExit, Severity::kError);
  f->detail = FindingDetail::kThreadExit;
  f->lock.site = Site("Leave", 98);
  f->held = Held({Lock(cache, "Lookup", 96), Lock(table, "Insert", 97, Strength::kResilient)});

  f = &Add("context", FindingId::kHeldAtExit, Severity::kError);
  f->detail = FindingDetail::kContextLeave;
  f->held = Held({Lock(cache, "Lookup", 96), Lock(table, "OnSignal", 97, Strength::kResilient)});
  locks_.back()[0].this_context = false;

  f = &Add("", FindingId::kNotUnwound, Severity::kWarning);
  f->fail_reason = FailReason::kTimedOut;
  f->lock = Lock(table, "Insert", 99, Strength::kResilient);
  f->held = Held({Lock(cache, "Lookup", 98)});
}

void SampleFindings::AddDeadlocks() {
  const ClassInfo* cache = Class("cache", LockKind::kQspinlock);
  const ClassInfo* table = Class("table", LockKind::kRqspinlock);
  const ClassInfo* log = Class("log", LockKind::kMutex);

  const auto thread = [&](ThreadId id, const FindingLock& held, const FindingLock& asked) {
    FindingThread result;
    result.thread = id;
    result.waits_for = asked;
    result.waits_for.waiting = true;
    result.waits_for.stack_is_exact = true;
    result.held = Held({held, result.waits_for});
    return result;
  };
  Finding* f = &Add("", FindingId::kDeadlock, Severity::kError);
  f->threads = threads_.emplace_back(
      std::vector{thread(2, Lock(cache, "Lookup", 30), Lock(log, "Flush", 31)),
                  thread(1, Lock(log, "Append", 40), Lock(cache, "Evict", 41))});

  f = &Add("", FindingId::kResilientDeadlock, Severity::kNote);
  std::vector<FindingThread>& members = threads_.emplace_back(std::vector{
      thread(2, Lock(cache, "Lookup", 30), Lock(table, "Insert", 31, Strength::kResilient)),
      thread(1, Lock(table, "Resize", 40, Strength::kResilient), Lock(cache, "Evict", 41))});
  members[0].gives_way = true;
  f->threads = members;

  f = &Add("timed", FindingId::kResilientDeadlock, Severity::kNote);
  std::vector<FindingThread>& timed = threads_.emplace_back(
      std::vector{thread(2, Lock(cache, "Lookup", 30), Lock(log, "Flush", 31, Strength::kTimed)),
                  thread(1, Lock(log, "Append", 40), Lock(cache, "Evict", 41))});
  timed[0].gives_way = true;
  f->threads = timed;
}

}  // namespace rqlockdep
