// Names for the attributes of Clang's thread safety analysis (-Wthread-safety). Other compilers see
// nothing. Each macro is documented at https://clang.llvm.org/docs/ThreadSafetyAnalysis.html under
// the name without the prefix.
#ifndef RQLOCKDEP_THREAD_ANNOTATIONS_H_
#define RQLOCKDEP_THREAD_ANNOTATIONS_H_

#if defined(__clang__)
#define RQLOCKDEP_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define RQLOCKDEP_THREAD_ATTRIBUTE(x)
#endif

// On a class.
#define RQLOCKDEP_CAPABILITY(name) RQLOCKDEP_THREAD_ATTRIBUTE(capability(name))
#define RQLOCKDEP_SCOPED_CAPABILITY RQLOCKDEP_THREAD_ATTRIBUTE(scoped_lockable)

// On data.
#define RQLOCKDEP_GUARDED_BY(lock) RQLOCKDEP_THREAD_ATTRIBUTE(guarded_by(lock))
#define RQLOCKDEP_PT_GUARDED_BY(lock) RQLOCKDEP_THREAD_ATTRIBUTE(pt_guarded_by(lock))

// On a function.
#define RQLOCKDEP_REQUIRES(...) RQLOCKDEP_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define RQLOCKDEP_ACQUIRE(...) RQLOCKDEP_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define RQLOCKDEP_TRY_ACQUIRE(...) RQLOCKDEP_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define RQLOCKDEP_RELEASE(...) RQLOCKDEP_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define RQLOCKDEP_EXCLUDES(...) RQLOCKDEP_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define RQLOCKDEP_ASSERT_HELD(lock) RQLOCKDEP_THREAD_ATTRIBUTE(assert_capability(lock))
#define RQLOCKDEP_RETURN_CAPABILITY(lock) RQLOCKDEP_THREAD_ATTRIBUTE(lock_returned(lock))
#define RQLOCKDEP_NO_THREAD_SAFETY_ANALYSIS RQLOCKDEP_THREAD_ATTRIBUTE(no_thread_safety_analysis)

#endif  // RQLOCKDEP_THREAD_ANNOTATIONS_H_
