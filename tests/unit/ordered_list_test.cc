// The ordered list against a plain vector.
#include "validator/graph/ordered_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/reference/seeded_random.h"

namespace rqlockdep {
namespace {

std::vector<uint32_t> Contents(const OrderedList& list) {
  std::vector<uint32_t> contents;
  for (uint32_t id = list.Next(0); id != 0; id = list.Next(id)) contents.push_back(id);
  return contents;
}

void ExpectLabelsGrow(const OrderedList& list, const std::vector<uint32_t>& contents) {
  for (size_t i = 0; i + 1 < contents.size(); ++i) {
    ASSERT_TRUE(list.Before(contents[i], contents[i + 1]));
    ASSERT_FALSE(list.Before(contents[i + 1], contents[i]));
  }
}

TEST(OrderedList, RandomMovesAreThoseOfAVector) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SeededRandom random(seed);
    constexpr int kMembers = 30;
    OrderedList list;
    std::vector<uint32_t> model;
    for (uint32_t id = 1; id <= kMembers; ++id) {
      ASSERT_TRUE(list.Append(id));
      model.push_back(id);
    }
    for (int i = 0; i < 200; ++i) {
      const auto any = [&] {
        return model[static_cast<size_t>(random.Between(0, static_cast<int>(model.size()) - 1))];
      };
      const uint32_t id = any();
      const uint32_t place = any();
      if (id == place) continue;
      model.erase(std::find(model.begin(), model.end(), id));
      if (model.size() > 5 && random.Percent(2)) {
        list.Remove(id);
      } else if (random.Percent(50)) {
        list.MoveBefore(id, place);
        model.insert(std::find(model.begin(), model.end(), place), id);
      } else {
        list.MoveAfter(id, place);
        model.insert(std::find(model.begin(), model.end(), place) + 1, id);
      }
      ASSERT_EQ(Contents(list), model);
      ExpectLabelsGrow(list, model);
    }
  }
}

TEST(OrderedList, FindsRoomAtOnePlaceForEver) {
  // Always at the same place, so that there is no room between two labels again and again.
  constexpr uint32_t kMembers = 20000;
  for (const bool at_front : {false, true}) {
    OrderedList list;
    std::vector<uint32_t> model;
    for (uint32_t id = 1; id <= kMembers; ++id) ASSERT_TRUE(list.Append(id));
    const uint32_t place = at_front ? 1 : kMembers / 2;
    for (uint32_t id = 1; id <= kMembers; ++id) {
      if (id != place) list.MoveBefore(id, place);
    }
    for (uint32_t id = 1; id <= kMembers; ++id) {
      if (id != place) model.push_back(id);
    }
    model.push_back(place);
    ASSERT_EQ(Contents(list), model);
    ExpectLabelsGrow(list, model);
    EXPECT_GT(list.relabelings(), 0U);
    EXPECT_LT(list.relabelings(), kMembers / 4);
  }
}

}  // namespace
}  // namespace rqlockdep
