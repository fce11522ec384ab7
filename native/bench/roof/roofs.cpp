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

std::string best_engine() {
  std::string best;
  for (const Instruction& i : dot_instructions())
    if (i.name == "bf16 amx" || (i.name == "bf16 dot" && best.empty())) best = i.name.substr(5);
  return best;
}

Roofs::Roofs(const std::string& isa, const std::string& engine, int threads) : threads_(threads), cache_(cache_sizes()) {
  const std::vector<Instruction> dots = dot_instructions();
  // The instruction that the engine uses; where it has none of its own, products go through multiply-adds of the instruction set.
  const auto of = [&](const std::string& type, const std::string& fallback) {
    for (const std::string& name : {type + " " + engine, fallback})
      for (const Instruction& i : dots)
        if (i.name == name) return add_instruction(i);
    return size_t{0};
  };
  of_unit_[static_cast<int>(Unit::fma)] = add_instruction(fma_instruction(isa));
  of_unit_[static_cast<int>(Unit::bf16)] = of("bf16", "");
  of_unit_[static_cast<int>(Unit::int8)] = of("int8", isa == "scalar" ? "" : "int8 madd");
  for (const char* name : kMemory) roofs_.push_back({name, 1e9, "GB/s"});
}

size_t Roofs::add_instruction(const Instruction& instruction) {
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
  if (bytes <= static_cast<double>(threads_ * cache_.l2)) {
    traffic.limit = &roofs_[memory + kL2Read];
    traffic.seconds = bytes / traffic.limit->rates.quantile(q);
  } else if (bytes <= static_cast<double>(cache_.l3)) {
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
