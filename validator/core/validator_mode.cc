// Defines the symbol that every object file built with the validator needs (see hooks.h).
#include "rqlockdep/hooks.h"

extern "C" const char RQLOCKDEP_MODE_SYMBOL = 1;
