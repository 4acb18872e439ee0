"""The library of the locks, in the validator mode that one asks for."""

def locks_library(name, deps, **kwargs):
    """Declares the library of the locks once more.

    Its mode is what `deps` or `defines` make of RQLOCKDEP_VALIDATOR. With the validator on, something
    has to implement the hooks.

    Args:
      name: the name of the library.
      deps: what to depend on.
      **kwargs: passed on to cc_library.
    """
    native.cc_library(
        name = name,
        srcs = [
            "//src:lock_operations.cc",
            "//src:native_policy.cc",
            "//src:res_spin_lock.cc",
            "//src:slice_extension.cc",
            "//src:slot_rendezvous.cc",
            "//src:slot_rendezvous.h",
            "//src:thread_slot_table.cc",
            "//src:validator_mode.cc",
        ],
        hdrs = [
            "//include/rqlockdep:hook_headers",
            "//include/rqlockdep:lock_headers",
            # For tests that drive the algorithms themselves.
            "//src:backoff.h",
            "//src:deliberate_fault.h",
            "//src:held_table.h",
            "//src:lock_waiter.h",
            "//src:native_policy.h",
            "//src:pending_byte.h",
            "//src:progress_clock.h",
            "//src:reservation.h",
            "//src:ring_search.h",
            "//src:slice_extension.h",
            "//src:spinlock_slow_path.h",
            "//src:thread_slot_table.h",
            "//src:wait_end.h",
            "//src:waiter_queue.h",
        ],
        linkopts = ["-pthread"],
        linkstatic = True,
        deps = deps + ["//include/rqlockdep:acquisition"],  # for the include path
        **kwargs
    )
