#include "validator/runtime/elf_symbols.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "absl/debugging/internal/demangle.h"
#include "validator/core/arena.h"
#include "validator/core/chain_key.h"
#include "validator/runtime/system_calls.h"

namespace rqlockdep {
namespace {

constexpr size_t kMaxPath = 4096;
// How far to look back for a symbol that began earlier and reaches over the address, when the
// nearest one ends before it. Symbols nest in hand-written assembly only.
constexpr size_t kMaxNesting = 64;

// One function or variable. Sorted by address, and aliases so that the preferred one comes last,
// where Find sees it first. The name is an offset into the string table.
struct IndexEntry {
  uintptr_t value;
  uint64_t size;
  uint32_t name;
  uint8_t rank;  // of aliases the lower one is preferred
};

struct Index {
  const IndexEntry* entries = nullptr;
  size_t count = 0;

  const IndexEntry* Find(uintptr_t value) const {
    const IndexEntry* end = std::upper_bound(
        entries, entries + count, value,
        [](uintptr_t wanted, const IndexEntry& entry) { return wanted < entry.value; });
    for (size_t looked = 0; end != entries && looked < kMaxNesting; ++looked) {
      --end;
      if (value - end->value < end->size) return end;
    }
    return nullptr;
  }
};

struct Module {
  Module* next = nullptr;
  uintptr_t begin = 0;  // the mapping in the process
  uintptr_t end = 0;
  uintptr_t load_bias = 0;
  bool is_main_program = false;
  uint32_t number = 0;       // counts the shared libraries; 0: the program
  uint64_t fingerprint = 0;  // FingerprintOf
  const char* strings = nullptr;
  size_t strings_size = 0;
  Index functions;
  Index variables;
  size_t mapped = 0;  // bytes of this struct's own mapping, which includes the two texts:
  const char* link_name = nullptr;
  const char* path = nullptr;
};

// Grows only. Pushed with release order, so whoever reads an entry with acquire order sees it
// whole.
constinit std::atomic<Module*> modules{nullptr};
constinit std::atomic<uint32_t> last_module_number{0};

bool Inside(size_t offset, size_t size, size_t limit) {
  return offset <= limit && size <= limit - offset;
}

bool IsMainProgram(const dl_find_object& object) {
  // The dynamic linker gives the program itself no name.
  return object.dlfo_link_map->l_name[0] == '\0';
}

uint64_t HashBytes(uint64_t hash, const char* bytes, size_t size) {
  for (; size >= sizeof(uint64_t); bytes += sizeof(uint64_t), size -= sizeof(uint64_t)) {
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    hash = MixChain(hash, word);
  }
  uint64_t rest = 0;
  memcpy(&rest, bytes, size);
  return MixChain(hash, rest);
}

// What tells a library from another that was loaded at its addresses from a file of the same name:
// the ELF header, which holds the offset of the section table, and the notes, the build id among
// them. 0 for the program, which stays.
uint64_t FingerprintOf(const dl_find_object& object) {
  if (IsMainProgram(object)) return 0;
  const auto* base = static_cast<const char*>(object.dlfo_map_start);
  const auto size = static_cast<size_t>(static_cast<const char*>(object.dlfo_map_end) - base);
  if (!Inside(0, sizeof(ElfW(Ehdr)), size) || memcmp(base, ELFMAG, SELFMAG) != 0) return 1;
  ElfW(Ehdr) header;
  memcpy(&header, base, sizeof(header));
  uint64_t hash = HashBytes(kEmptyChain, base, sizeof(header));
  if (!Inside(header.e_phoff, size_t{header.e_phnum} * sizeof(ElfW(Phdr)), size)) return hash;
  const auto* segments = reinterpret_cast<const ElfW(Phdr)*>(base + header.e_phoff);
  for (int i = 0; i < header.e_phnum; ++i) {
    if (segments[i].p_type != PT_NOTE) continue;
    const uintptr_t address = object.dlfo_link_map->l_addr + segments[i].p_vaddr;
    const size_t offset = address - reinterpret_cast<uintptr_t>(base);
    if (Inside(offset, segments[i].p_filesz, size)) {
      hash = HashBytes(hash, base + offset, segments[i].p_filesz);
    }
  }
  return hash;
}

// The file that a module was loaded from, mapped.
struct File {
  const char* data = nullptr;
  size_t size = 0;

  bool Open(const char* path) {
    const int fd = RawOpen(path, O_RDONLY);
    if (fd < 0) return false;
    struct stat status;
    ErrnoSaver saver;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
        static_cast<size_t>(status.st_size) >= sizeof(ElfW(Ehdr))) {
      size = static_cast<size_t>(status.st_size);
      void* memory = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
      if (memory != MAP_FAILED) data = static_cast<const char*>(memory);
    }
    RawClose(fd);
    return data != nullptr;
  }
  void Close() {
    ErrnoSaver saver;
    if (data != nullptr) munmap(const_cast<char*>(data), size);
    data = nullptr;
  }

  const ElfW(Ehdr) & header() const { return *reinterpret_cast<const ElfW(Ehdr)*>(data); }

  // The same file as what lies in memory at `begin`? It may have been replaced since. The header
  // holds the offset of the section table, which hardly stays the same when anything changes; the
  // build id is the proof where there is one.
  bool IsLoadedAt(const dl_find_object& object) const {
    if (memcmp(data, ELFMAG, SELFMAG) != 0 || header().e_ident[EI_CLASS] != kOwnClass) {
      return false;
    }
    const auto base = static_cast<const char*>(object.dlfo_map_start);
    const auto memory_size =
        static_cast<size_t>(static_cast<const char*>(object.dlfo_map_end) - base);
    const size_t headers_size = size_t{header().e_phnum} * sizeof(ElfW(Phdr));
    if (!Inside(header().e_phoff, headers_size, size)) return false;
    const auto* segments = reinterpret_cast<const ElfW(Phdr)*>(data + header().e_phoff);
    bool header_is_loaded = false;
    for (int i = 0; i < header().e_phnum; ++i) {
      if (segments[i].p_type == PT_LOAD && segments[i].p_offset == 0 &&
          segments[i].p_filesz >= sizeof(ElfW(Ehdr)) &&
          object.dlfo_link_map->l_addr + segments[i].p_vaddr == reinterpret_cast<uintptr_t>(base)) {
        header_is_loaded = true;
      }
    }
    if (!header_is_loaded) return true;  // an unusual layout: no way to tell
    if (memcmp(base, data, sizeof(ElfW(Ehdr))) != 0) return false;
    for (int i = 0; i < header().e_phnum; ++i) {
      if (segments[i].p_type != PT_NOTE) continue;
      const uintptr_t address = object.dlfo_link_map->l_addr + segments[i].p_vaddr;
      const size_t in_memory = address - reinterpret_cast<uintptr_t>(base);
      const size_t note_size = segments[i].p_filesz;
      if (Inside(segments[i].p_offset, note_size, size) &&
          Inside(in_memory, note_size, memory_size) &&
          memcmp(base + in_memory, data + segments[i].p_offset, note_size) != 0) {
        return false;
      }
    }
    return true;
  }

  // The symbol table of type `type`, or null.
  const ElfW(Shdr) * FindTable(ElfW(Word) type) const {
    if (header().e_shentsize != sizeof(ElfW(Shdr)) ||
        !Inside(header().e_shoff, size_t{header().e_shnum} * sizeof(ElfW(Shdr)), size)) {
      return nullptr;
    }
    const ElfW(Shdr)* sections = reinterpret_cast<const ElfW(Shdr)*>(data + header().e_shoff);
    for (int i = 0; i < header().e_shnum; ++i) {
      const ElfW(Shdr)& section = sections[i];
      if (section.sh_type != type || section.sh_entsize != sizeof(ElfW(Sym))) continue;
      if (section.sh_link >= header().e_shnum) continue;
      const ElfW(Shdr)& names = sections[section.sh_link];
      // A string table that is not terminated could lead a reader of names out of the file.
      if (!Inside(section.sh_offset, section.sh_size, size) ||
          !Inside(names.sh_offset, names.sh_size, size) || names.sh_size == 0 ||
          data[names.sh_offset + names.sh_size - 1] != '\0') {
        continue;
      }
      return &section;
    }
    return nullptr;
  }

  static constexpr unsigned char kOwnClass = sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32;
};

bool IsFunction(const ElfW(Sym) & symbol) {
  const int type = ELF64_ST_TYPE(symbol.st_info);
  return type == STT_FUNC || type == STT_GNU_IFUNC;
}

bool IsVariable(const ElfW(Sym) & symbol) { return ELF64_ST_TYPE(symbol.st_info) == STT_OBJECT; }

// `is_wanted` is IsFunction or IsVariable.
Index MakeIndex(const ElfW(Sym) * symbols, size_t symbol_count, size_t names_size,
                bool (*is_wanted)(const ElfW(Sym) &)) {
  const auto accepts = [&](const ElfW(Sym) & symbol) {
    return is_wanted(symbol) && symbol.st_shndx != SHN_UNDEF && symbol.st_size > 0 &&
           symbol.st_name < names_size;
  };
  size_t count = 0;
  for (size_t i = 0; i < symbol_count; ++i) count += accepts(symbols[i]) ? 1 : 0;
  if (count == 0) return {};
  auto* entries = static_cast<IndexEntry*>(MapMemory(count * sizeof(IndexEntry)));
  if (entries == nullptr) return {};
  size_t next = 0;
  for (size_t i = 0; i < symbol_count; ++i) {
    if (!accepts(symbols[i])) continue;
    const int binding = ELF64_ST_BIND(symbols[i].st_info);
    const uint8_t rank = binding == STB_GLOBAL ? 0 : binding == STB_WEAK ? 1 : 2;
    entries[next++] = {symbols[i].st_value, symbols[i].st_size, symbols[i].st_name, rank};
  }
  // std::sort works in place: no malloc.
  std::sort(entries, entries + count, [](const IndexEntry& a, const IndexEntry& b) {
    return a.value != b.value ? a.value < b.value
           : a.rank != b.rank ? a.rank > b.rank
                              : a.name > b.name;
  });
  return {entries, count};
}

void ReadSymbols(const File& file, Module* module) {
  const ElfW(Shdr)* table = file.FindTable(SHT_SYMTAB);
  if (table == nullptr) table = file.FindTable(SHT_DYNSYM);
  if (table == nullptr) return;
  const auto* sections = reinterpret_cast<const ElfW(Shdr)*>(file.data + file.header().e_shoff);
  const ElfW(Shdr)& names = sections[table->sh_link];
  module->strings = file.data + names.sh_offset;
  module->strings_size = names.sh_size;
  const auto* symbols = reinterpret_cast<const ElfW(Sym)*>(file.data + table->sh_offset);
  const size_t count = table->sh_size / sizeof(ElfW(Sym));
  module->functions = MakeIndex(symbols, count, names.sh_size, &IsFunction);
  module->variables = MakeIndex(symbols, count, names.sh_size, &IsVariable);
}

void Discard(Module* module, File* file) {
  if (module->functions.count > 0) {
    UnmapMemory(const_cast<IndexEntry*>(module->functions.entries),
                module->functions.count * sizeof(IndexEntry));
  }
  if (module->variables.count > 0) {
    UnmapMemory(const_cast<IndexEntry*>(module->variables.entries),
                module->variables.count * sizeof(IndexEntry));
  }
  file->Close();
  UnmapMemory(module, module->mapped);
}

const Module* Lookup(const Module* first, const Module* end, const dl_find_object& object,
                     uint64_t fingerprint) {
  const char* name = object.dlfo_link_map->l_name;
  const auto begin = reinterpret_cast<uintptr_t>(object.dlfo_map_start);
  for (const Module* module = first; module != end; module = module->next) {
    if (module->begin == begin && module->fingerprint == fingerprint &&
        strcmp(module->link_name, name) == 0) {
      return module;
    }
  }
  return nullptr;
}

const Module* AddModule(const dl_find_object& object, uint64_t fingerprint, Module* head) {
  const link_map& map = *object.dlfo_link_map;
  // The kernel's link to the program works even when the file was moved or deleted.
  const bool is_main_program = IsMainProgram(object);
  const char* open_path = is_main_program ? "/proc/self/exe" : map.l_name;
  char resolved[kMaxPath];
  if (is_main_program) {
    const long length = RawSystemCall(SYS_readlinkat, AT_FDCWD, open_path, resolved, kMaxPath - 1);
    resolved[std::max(length, 0L)] = '\0';
  } else {
    // A path that does not fit names nothing that could be opened either.
    resolved[kMaxPath - 1] = '\0';
    strncpy(resolved, map.l_name, kMaxPath - 1);
  }

  const size_t name_size = strlen(map.l_name) + 1;
  const size_t path_size = strlen(resolved) + 1;
  const size_t mapped = sizeof(Module) + name_size + path_size;
  void* memory = MapMemory(mapped);
  if (memory == nullptr) return nullptr;
  auto* module = new (memory) Module;
  module->mapped = mapped;
  module->begin = reinterpret_cast<uintptr_t>(object.dlfo_map_start);
  module->end = reinterpret_cast<uintptr_t>(object.dlfo_map_end);
  module->load_bias = map.l_addr;
  module->is_main_program = is_main_program;
  module->fingerprint = fingerprint;
  // Relaxed: the number is unique, which is all that matters of it.
  if (!is_main_program) {
    module->number = 1 + last_module_number.fetch_add(1, std::memory_order_relaxed);
  }
  char* text = static_cast<char*>(memory) + sizeof(Module);
  module->link_name = static_cast<char*>(memcpy(text, map.l_name, name_size));
  module->path = static_cast<char*>(memcpy(text + name_size, resolved, path_size));

  File file;
  if (file.Open(open_path)) {
    if (file.IsLoadedAt(object)) {
      ReadSymbols(file, module);
    } else {
      file.Close();
    }
  }

  const Module* const searched = head;
  module->next = head;
  // Release: the entry is complete before it can be found. Acquire on failure: the new head is read
  // below.
  while (!modules.compare_exchange_weak(module->next, module, std::memory_order_release,
                                        std::memory_order_acquire)) {
    const Module* other = Lookup(module->next, searched, object, fingerprint);
    if (other != nullptr) {
      Discard(module, &file);
      return other;
    }
  }
  return module;
}

const Module* ModuleOf(uintptr_t address) {
  dl_find_object object;
  if (_dl_find_object(reinterpret_cast<void*>(address), &object) != 0) return nullptr;
  const uint64_t fingerprint = FingerprintOf(object);
  // Acquire: pairs with the push in AddModule.
  Module* head = modules.load(std::memory_order_acquire);
  const Module* module = Lookup(head, nullptr, object, fingerprint);
  return module != nullptr ? module : AddModule(object, fingerprint, head);
}

}  // namespace

bool FindModule(uintptr_t address, ElfModule* module) {
  const Module* found = ModuleOf(address);
  if (found == nullptr) return false;
  *module = {found->path, found->load_bias, found->is_main_program};
  return true;
}

uint32_t ModuleNumber(uintptr_t address) {
  dl_find_object object;
  if (_dl_find_object(reinterpret_cast<void*>(address), &object) != 0 || IsMainProgram(object)) {
    return 0;
  }
  const Module* module = ModuleOf(address);
  return module == nullptr ? 0 : module->number;
}

bool FindSymbol(uintptr_t address, SymbolType type, ElfSymbol* symbol, ElfModule* module) {
  const Module* found = ModuleOf(address);
  if (found == nullptr) return false;
  if (module != nullptr) *module = {found->path, found->load_bias, found->is_main_program};
  const Index& index = type == SymbolType::kFunction ? found->functions : found->variables;
  const IndexEntry* entry = index.Find(address - found->load_bias);
  if (entry == nullptr) return false;
  *symbol = {found->strings + entry->name, found->load_bias + entry->value, entry->size};
  return true;
}

void DemangleSymbol(const char* mangled, char* buffer, size_t capacity) {
  if (capacity == 0) return;
  // Abseil's demangler, though it is internal to Abseil: of those at hand it is the only one that
  // does not allocate (abi::__cxa_demangle calls malloc) and bounds its recursion.
  if (absl::debugging_internal::Demangle(mangled, buffer, static_cast<int>(capacity))) return;
  const size_t size = std::min(strlen(mangled), capacity - 1);
  memcpy(buffer, mangled, size);
  buffer[size] = '\0';
}

}  // namespace rqlockdep
