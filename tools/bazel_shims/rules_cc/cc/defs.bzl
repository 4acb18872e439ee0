"""Stand-in for rules_cc: its names for the rules that are built into Bazel 4.

Why: the C++ toolchain that Bazel 4.2.3 generates loads @rules_cc//cc:defs.bzl. Bazel would download
that repository, and the rules_cc that Debian 12 packages is too new for Debian 12's own Bazel. The
toolchain only needs these names.
"""

cc_binary = native.cc_binary
cc_import = native.cc_import
cc_library = native.cc_library
cc_proto_library = native.cc_proto_library
cc_test = native.cc_test
cc_toolchain = native.cc_toolchain
cc_toolchain_suite = native.cc_toolchain_suite
fdo_prefetch_hints = native.fdo_prefetch_hints
fdo_profile = native.fdo_profile
objc_import = native.objc_import
objc_library = native.objc_library
