#include "src/slot_rendezvous.h"

#include <elf.h>
#include <link.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

// This copy's pointer to the table. Known to the note below by its assembler name.
extern "C" {
[[gnu::used, gnu::visibility("hidden")]] constinit std::atomic<void*> rqlockdep_slot_table{nullptr};
}

#define RQLOCKDEP_STRING_(x) #x
#define RQLOCKDEP_STRING(x) RQLOCKDEP_STRING_(x)
// The note: owner "rqlockdep", type = layout, contents = distance from there to the pointer.
asm(".pushsection .note.rqlockdep,\"a\",%note\n"
    ".balign 4\n"
    ".long 10, 4, " RQLOCKDEP_STRING(RQLOCKDEP_SLOT_LAYOUT) "\n"
    ".asciz \"rqlockdep\"\n"
    ".balign 4\n"
    ".long rqlockdep_slot_table - .\n"
    ".popsection\n");

namespace rqlockdep::internal {
namespace {

using TablePointer = std::atomic<void*>;

constexpr char kOwner[] = "rqlockdep";

constexpr size_t RoundUp(size_t size, size_t alignment) {
  return (size + alignment - 1) / alignment * alignment;
}

// The table pointer that our note among these notes names, or null.
TablePointer* FindInNotes(const char* begin, size_t size, size_t alignment) {
  size_t at = 0;
  while (size - at >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) header;
    std::memcpy(&header, begin + at, sizeof(header));
    const size_t name = at + sizeof(header);
    const size_t contents = RoundUp(name + header.n_namesz, alignment);
    const size_t end = RoundUp(contents + header.n_descsz, alignment);
    if (contents > size || header.n_descsz > size - contents) break;
    int32_t distance;
    if (header.n_type == RQLOCKDEP_SLOT_LAYOUT && header.n_namesz == sizeof(kOwner) &&
        header.n_descsz == sizeof(distance) &&
        std::memcmp(begin + name, kOwner, sizeof(kOwner)) == 0) {
      std::memcpy(&distance, begin + contents, sizeof(distance));
      const uintptr_t pointer = reinterpret_cast<uintptr_t>(begin + contents) +
                                static_cast<uintptr_t>(intptr_t{distance});
      return reinterpret_cast<TablePointer*>(pointer);
    }
    if (end >= size) break;
    at = end;
  }
  return nullptr;
}

TablePointer* FindInObject(const dl_phdr_info& object) {
  for (size_t i = 0; i < object.dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object.dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    TablePointer* const found =
        FindInNotes(reinterpret_cast<const char*>(object.dlpi_addr + segment.p_vaddr),
                    segment.p_memsz, segment.p_align == 8 ? 8 : 4);
    if (found != nullptr) return found;
  }
  return nullptr;
}

// For dl_iterate_phdr: takes the first table that some copy has.
int TakeExisting(dl_phdr_info* object, size_t, void* result) {
  TablePointer* const pointer = FindInObject(*object);
  if (pointer == nullptr) return 0;
  // Acquire: pairs with the release below, in whichever copy it happened. The table is initialised.
  void* const table = pointer->load(std::memory_order_acquire);
  if (table == nullptr) return 0;
  *static_cast<void**>(result) = table;
  return 1;
}

// For dl_iterate_phdr: offers *offer, a new table, to the first copy in the loader's order, and
// takes what is there then. While this runs no object is loaded or unloaded.
int Agree(dl_phdr_info* object, size_t, void* offer) {
  TablePointer* const pointer = FindInObject(*object);
  if (pointer == nullptr) return 0;
  void* there = nullptr;
  // Release: publishes the initialised table. Acquire on failure: see TakeExisting.
  if (!pointer->compare_exchange_strong(there, *static_cast<void**>(offer),
                                        std::memory_order_acq_rel, std::memory_order_acquire)) {
    *static_cast<void**>(offer) = there;
  }
  return 1;
}

}  // namespace

void* SharedTable(void* (*create)(), void (*discard)(void*)) {
  // Acquire: see TakeExisting.
  void* table = rqlockdep_slot_table.load(std::memory_order_acquire);
  if (table != nullptr) return table;
  dl_iterate_phdr(&TakeExisting, &table);
  if (table == nullptr) {
    void* const created = create();
    if (created == nullptr) return nullptr;
    table = created;
    dl_iterate_phdr(&Agree, &table);
    if (table != created) discard(created);
  }
  // Release: as in Agree; another copy may look here for the table. Whoever else stores here, a
  // thread or the first copy's Agree, stores the same.
  rqlockdep_slot_table.store(table, std::memory_order_release);
  return table;
}

}  // namespace rqlockdep::internal
