"""Tests that explore interleavings, each twice."""

def interleavings_test(name, tags = []):
    """Makes a test of NAME.cc that takes seconds, and one that goes further, for CI.

    Args:
      name: ends with _test.
      tags: of the first.
    """
    code = name + "_code"
    native.cc_library(
        name = code,
        srcs = [name + ".cc"],
        copts = ["-O2"],  # it runs millions of steps
        alwayslink = True,
        deps = [
            ":explore",
            ":world",
            "@com_google_googletest//:gtest",
        ],
    )
    deps = [
        code,
        "@com_google_googletest//:gtest_main",
    ]
    native.cc_test(
        name = name,
        tags = tags,
        deps = deps,
    )
    native.cc_test(
        name = name.replace("_test", "_long_test"),
        timeout = "long",
        env = {"RQLOCKDEP_INTERLEAVINGS": "all"},
        tags = [
            "ci_long",
            "no_asan",
            "no_tsan",
        ],
        deps = deps,
    )
