"""The build setting --//:validator=auto|on|off and the select() that understands it."""

_VALUES = ["auto", "on", "off"]

def _validator_setting_impl(ctx):
    # Without this a misspelt value would silently mean "on".
    if ctx.build_setting_value not in _VALUES:
        fail("--%s=%s: expected one of %s" % (
            ctx.label,
            ctx.build_setting_value,
            ", ".join(_VALUES),
        ))
    return []

validator_setting = rule(
    implementation = _validator_setting_impl,
    build_setting = config.string(flag = True),
    doc = "Holds the value of --//:validator; there is one target of it, //:validator.",
)

def validator_select(on, off):
    """Chooses by whether the validator is compiled in.

    Args:
      on: the value for a build with the validator.
      off: the value for a build without it.

    Returns:
      A select() that any configurable attribute takes, in this workspace or in one that uses us.
    """
    return select({
        str(Label("//:validator_asked_off")): off,
        str(Label("//:validator_auto_means_off")): off,
        "//conditions:default": on,
    })

# For what makes no sense without the validator, a test of its reports for example:
#     target_compatible_with = NEEDS_VALIDATOR,
# `bazel test //...` then skips the target in builds without the validator.
NEEDS_VALIDATOR = validator_select(
    on = [],
    off = [str(Label("//tools:not_available"))],
)
