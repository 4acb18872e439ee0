// One thread slot table in a process, even when several shared libraries (also ones that dlopen
// loaded with RTLD_LOCAL) and the executable each contain a copy of this library.
//
// Symbols cannot be relied on for that: an executable does not export its own unless told to. So
// each copy carries an ELF note that says where its pointer to the table is. A copy that needs the
// table walks the loaded objects (dl_iterate_phdr), takes the table that any other copy has, or
// else agrees with the others on a new one, by compare-and-swap on the pointer of the first copy in
// the loader's order, under the loader's lock. The table itself is mapped, not part of any object,
// so it outlives a copy that dlclose unloads. Objects in other linker namespaces (dlmopen) are not
// seen.
#ifndef RQLOCKDEP_SRC_SLOT_RENDEZVOUS_H_
#define RQLOCKDEP_SRC_SLOT_RENDEZVOUS_H_

#include <cstdint>

namespace rqlockdep::internal {

// Copies share a table only if they lay it out in the same way: raise this with every change to
// ThreadSlot, CellChunk, the meaning of cells, marks or states of queue nodes, or SlotTable.
#define RQLOCKDEP_SLOT_LAYOUT 2

// Returns the process's table. Calls `create` if it seems that there is none, and `discard` if
// another copy was quicker. Null if `create` returned null. Takes the loader's lock: not for signal
// handlers, except after the first call, which returns at once.
void* SharedTable(void* (*create)(), void (*discard)(void*));

}  // namespace rqlockdep::internal

#endif  // RQLOCKDEP_SRC_SLOT_RENDEZVOUS_H_
