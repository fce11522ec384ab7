#include "bench/roof/roofs.h"

#include <algorithm>

#include "bench/roof/memory.h"
#include "bench/roof/together.h"

namespace he::bench {

namespace {

// After the instructions, in this order.
enum Memory { kL2Read, kL3Read, kRead, kUpdate };
constexpr const char* kMemory[] = {"L2 read", "L3 read", "memory read", "memory update"};

// A working set that no last-level cache holds a useful part of.
int64_t beyond_caches(const CacheSizes& cache) { return std::max<int64_t>(128 << 20, 4 * cache.l3); }

}  // namespace

Roofs::Roofs(const std::string& isa, const std::string& engine, int threads) : threads_(threads), cache_(cache_sizes()) {
  const char* types[] = {"float32", "bf16", "int8"};
  for (const Unit unit : {Unit::fma, Unit::bf16, Unit::int8})
    of_unit_[static_cast<int>(unit)] = add_instruction(instruction_of(types[static_cast<int>(unit)], isa, engine));
  for (const char* name : kMemory) roofs_.push_back({name, 1e9, "GB/s"});
}

size_t Roofs::add_instruction(const Instruction& instruction) {
  for (size_t i = 0; i < instructions_.size(); ++i)
    if (instructions_[i].name == instruction.name) return i;
  instructions_.push_back(instruction);
  roofs_.push_back({instruction.name, 1e12, instruction.name.starts_with("int8") ? "TOP/s" : "TFLOP/s"});
  return roofs_.size() - 1;
}

void Roofs::measure() {
  const size_t memory = instructions_.size();
  for (size_t i = 0; i < memory; ++i) {
    const auto loop = [&](int) { return instructions_[i].loop(); };
    roofs_[i].rates.add(std::max(together(threads_, loop), together(threads_, loop)));  // of a limit, the better of two
  }
  roofs_[memory + kL2Read].rates.add(read_rate(threads_, threads_ * cache_.l2 / 2));
  roofs_[memory + kL3Read].rates.add(read_rate(threads_, cache_.l3 / 2));
  roofs_[memory + kRead].rates.add(read_rate(threads_, beyond_caches(cache_)));
  roofs_[memory + kUpdate].rates.add(update_rate(threads_, beyond_caches(cache_)));
}

Roofs::Floor Roofs::floor(const Work& work, double q) const {
  const size_t memory = instructions_.size();
  const double bytes = work.read + work.written;
  const Roof& unit = roofs_[of_unit_[static_cast<int>(work.unit)]];
  const Floor arithmetic{work.operations / unit.rates.quantile(q), &unit};

  Floor traffic{};
  if (bytes <= static_cast<double>(threads_ * cache_.l2 / 2)) {
    traffic.limit = &roofs_[memory + kL2Read];
    traffic.seconds = bytes / traffic.limit->rates.quantile(q);
  } else if (bytes <= static_cast<double>(cache_.l3 / 2)) {
    traffic.limit = &roofs_[memory + kL3Read];
    traffic.seconds = bytes / traffic.limit->rates.quantile(q);
  } else {
    // What is written takes as many reads with it, as in an update; the rest is read.
    const double updated = 2 * work.written, rest = std::max(0.0, work.read - work.written);
    traffic.limit = &roofs_[memory + (updated > rest ? kUpdate : kRead)];
    traffic.seconds = updated / roofs_[memory + kUpdate].rates.quantile(q) + rest / roofs_[memory + kRead].rates.quantile(q);
  }
  return arithmetic.seconds >= traffic.seconds ? arithmetic : traffic;
}

}  // namespace he::bench
