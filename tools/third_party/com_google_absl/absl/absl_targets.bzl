"""The public targets of an Abseil package, on top of Debian's archives."""

def absl_targets(targets):
    """Declares one library for each public target of the calling package.

    Headers are the system's, so a target is no more than the archives behind it.

    Args:
      targets: a dict from the upstream name of a target to the archives that it needs, as named in
        debian_absl.BUILD; none for what is header-only.
    """
    for name, archives in targets.items():
        native.cc_library(
            name = name,
            visibility = ["//visibility:public"],
            deps = ["@debian_absl//:" + archive for archive in archives],
        )
