"""Flags for code that is worth optimising in debug builds too."""

# The validator runs at every lock operation of a program under test, as a sanitizer's runtime does,
# and like that is optimised whatever the program is; except in -c dbg, for whoever debugs it.
OPTIMIZED_COPTS = select({
    str(Label("//tools:debug_build")): [],
    "//conditions:default": ["-O2"],
})
