#include "tests/unit/test_lock.h"

#include "validator/runtime/construction_site.h"

namespace rqlockdep::hooks {

void Construct(LockMap& map) {
  const auto site = FindConstructionSite(reinterpret_cast<uintptr_t>(__builtin_return_address(0)));
  map.SetKey(LockMap::KeyType::kSite, reinterpret_cast<const void*>(site));
}

}  // namespace rqlockdep::hooks
