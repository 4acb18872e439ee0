"""Stand-in for rules_java: its names for the rules that are built into Bazel 4.

Why: to choose a toolchain, also one for C++, Bazel 4.2.3 reads all registered ones, among them those
of its own @bazel_tools//tools/jdk package, which loads @rules_java//java:defs.bzl. Bazel would
download that repository. Nothing here is built with Java; the package only has to be readable.
"""

java_binary = native.java_binary
java_import = native.java_import
java_library = native.java_library
java_proto_library = native.java_proto_library
java_runtime = native.java_runtime
java_toolchain = native.java_toolchain
