#include "validator/runtime/class_resolver.h"

#include <cstring>
#include <string_view>

namespace rqlockdep {
namespace {

// Longer names are cut.
constexpr size_t kMaxName = 1024;

// Functions that the compilers make for what is to be initialised before main().
bool IsStaticInitializer(std::string_view function) {
  for (std::string_view part :
       {"__static_initialization_and_destruction_", "_GLOBAL__sub_I_", "_GLOBAL__I_",
        "__cxx_global_var_init", "__cxx_global_array_init"}) {
    if (function.find(part) != std::string_view::npos) return true;
  }
  return false;
}

// "_ZZ1fvE4lock" is a variable of the function "_Z1fv", "_ZZ4mainE4lock" one of "main".
bool IsLocalVariableOf(std::string_view function, std::string_view variable) {
  if (!variable.starts_with("_ZZ")) return false;
  variable.remove_prefix(3);
  // A part of a function that the compiler cut out of it (".cold", ".part.0") is still that one.
  function = function.substr(0, function.find('.'));
  if (function.starts_with("_Z")) {
    function.remove_prefix(2);
    return variable.starts_with(function) && variable.substr(function.size()).starts_with("E");
  }
  return variable.starts_with("4mainE") && function == "main";
}

// Did the code at `site` construct the variable as a whole? Otherwise the lock is a member that a
// constructor constructed, and the constructor's name says more than that of one of its objects.
bool ConstructsVariable(uintptr_t site, const ElfSymbol& variable) {
  ElfSymbol function;
  if (!FindSymbol(site - 1, SymbolType::kFunction, &function)) return false;
  return IsStaticInitializer(function.name) || IsLocalVariableOf(function.name, variable.name);
}

}  // namespace

ClassKey ClassResolver::Resolve(const hooks::LockMap& map) {
  using KeyType = hooks::LockMap::KeyType;
  ClassKey key;
  ElfSymbol variable;
  size_t offset;
  switch (map.key_type()) {
    case KeyType::kExplicit: {
      const auto* lock_class = static_cast<const LockClass*>(map.key());
      key.type = ClassKey::Type::kExplicit;
      key.address = reinterpret_cast<uintptr_t>(lock_class);
      key.module = ModuleNumber(key.address);
      // A library takes its names along when it is unloaded.
      key.name =
          key.module == 0 ? lock_class->name() : Keep(key.address, key.module, lock_class->name());
      key.order = lock_class->order();
      key.ranks = lock_class->ranks();
      return key;
    }
    case KeyType::kSite:
      key.type = ClassKey::Type::kSite;
      key.address = reinterpret_cast<uintptr_t>(map.key());
      key.module = ModuleNumber(key.address - 1);
      if (static_symbols_.Find(map, &variable, &offset) &&
          ConstructsVariable(key.address, variable)) {
        key.name = NameOf(variable, 0, ModuleNumber(variable.address));
      }
      return key;
    case KeyType::kUnconstructed:
    case KeyType::kNone:
      if (static_symbols_.Find(map, &variable, &offset)) {
        key.type = ClassKey::Type::kSymbol;
        key.address = variable.address + offset;
        key.module = ModuleNumber(variable.address);
        key.name = NameOf(variable, offset, key.module);
        return key;
      }
      break;
  }
  key.type = ClassKey::Type::kUnknown;
  key.address = reinterpret_cast<uintptr_t>(&map);
  return key;
}

const char* ClassResolver::NameOf(const ElfSymbol& symbol, size_t offset, uint32_t module) {
  const uintptr_t address = symbol.address + offset;
  if (const char* known = Find(address, module)) return known;
  char name[kMaxName];
  DemangleSymbol(symbol.name, name, sizeof(name) - sizeof("+0x0123456789abcdef"));
  size_t size = strlen(name);
  if (offset != 0) {
    name[size++] = '+';
    name[size++] = '0';
    name[size++] = 'x';
    int shift = 60;
    while ((offset >> shift & 15) == 0) shift -= 4;
    for (; shift >= 0; shift -= 4) name[size++] = "0123456789abcdef"[offset >> shift & 15];
  }
  name[size] = '\0';
  return Keep(address, module, name);
}

const char* ClassResolver::Find(uintptr_t address, uint32_t module) const {
  const StoredName* stored = names_[Bucket(address)];
  while (stored != nullptr && (stored->address != address || stored->module != module)) {
    stored = stored->next;
  }
  return stored == nullptr ? nullptr : stored->text;
}

const char* ClassResolver::Keep(uintptr_t address, uint32_t module, const char* name) {
  if (const char* known = Find(address, module)) return known;
  const size_t size = strlen(name) + 1;
  auto* stored = arena_.New<StoredName>();
  auto* text = static_cast<char*>(arena_.Allocate(size, 1));
  if (stored == nullptr || text == nullptr) return nullptr;
  // NOLINTNEXTLINE(bugprone-not-null-terminated-result): `size` counts the terminator.
  memcpy(text, name, size);
  StoredName*& bucket = names_[Bucket(address)];
  *stored = {bucket, address, module, text};
  bucket = stored;
  return text;
}

}  // namespace rqlockdep
