#include <numeric>

#include "bench/cases/cases.h"

namespace he::bench {

namespace {

constexpr int64_t kBlock = 32;  // tokens of a cache block

// products of head-size vectors for every query head and every pair of a query and a key that it sees.
double causal_operations(const Heads& h, int64_t sequences, int64_t length, double products) {
  const double pairs = 0.5 * static_cast<double>(length) * static_cast<double>(length + 1);
  return products * 2 * static_cast<double>(h.size) * pairs * static_cast<double>(sequences * h.query);
}

std::string named(const char* what, int64_t sequences, int64_t length) {
  return std::string(what) + " " + std::to_string(sequences) + " x " + std::to_string(length);
}

float scale(const Heads& h) { return h.size == 64 ? 0.125f : 0.09f; }

std::vector<int32_t> multiples(int64_t count, int64_t of) {
  std::vector<int32_t> list(static_cast<size_t>(count + 1));
  for (int64_t i = 0; i <= count; ++i) list[static_cast<size_t>(i)] = static_cast<int32_t>(i * of);
  return list;
}

}  // namespace

void attention(Suite& suite, const Heads& h, int64_t sequences, int64_t length) {
  he_context* c = suite.context();
  const int64_t tokens = sequences * length, qs = h.query * h.size, ks = h.key * h.size;
  const double row = 4.0 * static_cast<double>(tokens);
  suite.add(named("attention", sequences, length),
            {Unit::fma, causal_operations(h, sequences, length, 2), row * static_cast<double>(qs + 2 * ks),
             row * static_cast<double>(qs + h.query)},
            [=] {
              const Floats q = random_floats(tokens * qs), k = random_floats(tokens * ks), v = random_floats(tokens * ks);
              return [=, y = Floats(q.size()), lse = Floats(static_cast<size_t>(tokens * h.query)),
                      offsets = multiples(sequences, length)]() mutable {
                return he_attention(c, tokens, sequences, offsets.data(), h.query, h.key, h.size, scale(h), 1, 0, 0, nullptr, q.data(), qs,
                                    k.data(), ks, v.data(), ks, y.data(), qs, lse.data(), h.query, 0);
              };
            });
}

void attention_backward(Suite& suite, const Heads& h, int64_t sequences, int64_t length) {
  he_context* c = suite.context();
  const int64_t tokens = sequences * length, qs = h.query * h.size, ks = h.key * h.size;
  const double row = 4.0 * static_cast<double>(tokens);
  // Scores again, dV, dP, dQ, dK.
  suite.add(named("attention backward", sequences, length),
            {Unit::fma, causal_operations(h, sequences, length, 5), row * static_cast<double>(3 * qs + 2 * ks + h.query),
             row * static_cast<double>(qs + 2 * ks)},
            [=] {
              const Floats q = random_floats(tokens * qs), k = random_floats(tokens * ks), v = random_floats(tokens * ks),
                           dy = random_floats(tokens * qs);
              const std::vector<int32_t> offsets = multiples(sequences, length);
              Floats y(q.size()), lse(static_cast<size_t>(tokens * h.query));
              he_attention(c, tokens, sequences, offsets.data(), h.query, h.key, h.size, scale(h), 1, 0, 0, nullptr, q.data(), qs, k.data(),
                           ks, v.data(), ks, y.data(), qs, lse.data(), h.query, 0);
              return [=, dq = Floats(q.size()), dk = Floats(k.size()), dv = Floats(k.size())]() mutable {
                return he_attention_backward(c, tokens, sequences, offsets.data(), h.query, h.key, h.size, scale(h), 1, 0, 0, nullptr,
                                             q.data(), qs, k.data(), ks, v.data(), ks, y.data(), qs, lse.data(), h.query, dy.data(), qs,
                                             dq.data(), qs, dk.data(), ks, dv.data(), ks, 0);
              };
            });
}

void paged_attention(Suite& suite, const Heads& h, int64_t sequences, int64_t length, int32_t type) {
  he_context* c = suite.context();
  const int64_t qs = h.query * h.size, each = (length + kBlock - 1) / kBlock, blocks = sequences * each;
  const double pairs = static_cast<double>(sequences * length);
  int64_t key_bytes = 0, value_bytes = 0;
  he_kv_size(c, type, blocks, kBlock, h.key, h.size, &key_bytes, &value_bytes);
  const double read = static_cast<double>(key_bytes + value_bytes) * pairs / static_cast<double>(blocks * kBlock);
  const std::string kept = type == 0 ? "" : type == 1 ? ", bf16" : ", int8";
  suite.add("paged " + named("attention", sequences, 1) + " at " + std::to_string(length) + kept,
            {Unit::fma, 4.0 * static_cast<double>(qs) * pairs, read + 4.0 * static_cast<double>(sequences * qs), 4.0 * static_cast<double>(sequences * qs)},
            [=] {
              const int64_t tokens = blocks * kBlock, ks = h.key * h.size;
              const Floats q = random_floats(sequences * qs), k = random_floats(tokens * ks);
              std::vector<int32_t> tables(static_cast<size_t>(blocks)), slots(static_cast<size_t>(tokens));
              std::iota(tables.begin(), tables.end(), 0);
              std::iota(slots.begin(), slots.end(), 0);
              Floats keys(static_cast<size_t>(key_bytes / 4)), values(static_cast<size_t>(value_bytes / 4));
              he_kv_write(c, tokens, k.data(), ks, k.data(), ks, slots.data(), type, keys.data(), values.data(), blocks, kBlock, h.key, h.size);
              const std::vector<int32_t> contexts(static_cast<size_t>(sequences), static_cast<int32_t>(length));
              return [=, y = Floats(q.size()), one_each = multiples(sequences, 1)]() mutable {
                return he_paged_attention(c, sequences, sequences, one_each.data(), contexts.data(), tables.data(), each, each, h.query,
                                          h.key, h.size, scale(h), 1, 0, 0, nullptr, q.data(), qs, type, keys.data(), values.data(), blocks,
                                          kBlock, y.data(), qs);
              };
            });
}

}  // namespace he::bench
