/* Who holds which locks, and who waits for what, in all threads, now.
 *
 * From code:         rqlockdep::ShowAllLocks();  (C: rqlockdep_show_all_locks();)
 * From a debugger:   (gdb) call (void)rqlockdep_show_all_locks()
 * By a signal:       RQLOCKDEP_OPTIONS=dump_signal=SIGQUIT, then: kill -QUIT PID
 *
 * The text goes where reports go: to standard error, or to the file of the option log_path. It
 * lists the threads that hold or wait for locks with hooks, each lock with the place where it was
 * taken, each wait with the threads in its way, and locks whose owner has ended. Threads run on
 * meanwhile: what a thread took or gave back while it was looked at is marked, and a lock that a
 * thread just asks for looks like one that it holds. Of what a thread waits for nothing is in
 * doubt.
 *
 * Takes no lock that a stuck thread may hold, so it works in every deadlock, and may be called at
 * any time, on any thread, in signal handlers too. If a report is in the making, and does not get
 * done within 0.1 s, names are plainer. No malloc; errno is kept. Built without the validator it
 * does nothing, and a debugger does not find it; with enabled=0 one line says so. A signal handler
 * that the program installs for the dump signal takes its place.
 */
#ifndef RQLOCKDEP_SHOW_LOCKS_H_
#define RQLOCKDEP_SHOW_LOCKS_H_

#ifndef RQLOCKDEP_VALIDATOR
#error "depend on one of rqlockdep's Bazel targets, or define RQLOCKDEP_VALIDATOR as 0 or 1"
#endif

#if RQLOCKDEP_VALIDATOR
#ifdef __cplusplus
extern "C"
#endif
    void
    rqlockdep_show_all_locks(void);
#else
static inline void rqlockdep_show_all_locks(void) {}
#endif

#ifdef __cplusplus
namespace rqlockdep {
inline void ShowAllLocks() { rqlockdep_show_all_locks(); }
}  // namespace rqlockdep
#endif

#endif /* RQLOCKDEP_SHOW_LOCKS_H_ */
