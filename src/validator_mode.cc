// The symbol of the mode that the library was built in; see rqlockdep/hooks.h. Objects built in the
// other mode look for another symbol and do not link. Weak, because the validator defines the one
// of its mode too, for programs that have it but not the locks.
#include "rqlockdep/hooks.h"

extern "C" [[gnu::weak]] const char RQLOCKDEP_MODE_SYMBOL = 0;
