// Training 4 x 256 tokens, decoding 32 sequences at context 256.
#include "bench/harness.h"

namespace he::bench {

namespace {

constexpr int64_t kHeads = 9, kKeyHeads = 3, kSize = 64, kWidth = 576, kMiddle = 1536, kVocabulary = 49152, kLength = 256, kBlock = 32;

// Everything that the calls below point at.
struct Data {
  int64_t tokens = 4 * kLength, decoding = 32, weights = 16 << 20;
  Floats q = random_floats(tokens * kHeads * kSize), k = random_floats(tokens * kKeyHeads * kSize), v = k, y = q, dy = q, dq = q, dk = k,
         dv = k, lse = random_floats(tokens * kHeads);
  std::vector<int32_t> offsets{0, 256, 512, 768, 1024}, one_each, contexts, tables;
  Floats keys, values;
  Floats x = random_floats(tokens * kWidth), residual = x, sum = x, normal = x, weight = random_floats(kWidth), d_weight = weight,
         statistics = random_floats(2 * tokens);
  Floats gate = random_floats(tokens * kMiddle), up = gate, product = gate, d_gate = gate, d_up = gate;
  Floats parameter = random_floats(weights), gradient = parameter, m = parameter, v2 = Floats(parameter.size(), 0.5f);
  double norm = 0;
  Floats logits = random_floats(decoding * kVocabulary), log_prob = Floats(32, 0.0f);
  std::vector<int32_t> ids = std::vector<int32_t>(32, 0);
};

void add_attention(std::vector<Kernel>& list, he_context* c, Data& d) {
  const int64_t qs = kHeads * kSize, ks = kKeyHeads * kSize, blocks = d.decoding * kLength / kBlock;
  for (int32_t s = 0; s <= d.decoding; ++s) d.one_each.push_back(s);
  d.contexts.assign(static_cast<size_t>(d.decoding), kLength);
  for (int32_t b = 0; b < blocks; ++b) d.tables.push_back(b);
  d.keys = random_floats(blocks * kBlock * ks);
  d.values = d.keys;
  const double pairs = 4 * 0.5 * kLength * (kLength + 1) * kHeads, product = 2.0 * kSize, row = 4.0 * kSize * static_cast<double>(d.tokens);
  list.push_back({"attention 4 x 256",
                  2 * product * pairs,
                  row * (2 * kHeads + 2 * kKeyHeads),
                  [&d, c, qs, ks] {
                    return he_attention(c, d.tokens, 4, d.offsets.data(), kHeads, kKeyHeads, kSize, 0.125f, 1, 0, 0, nullptr, d.q.data(),
                                        qs, d.k.data(), ks, d.v.data(), ks, d.y.data(), qs, d.lse.data(), kHeads);
                  }});
  list.push_back({"attention backward 4 x 256",
                  5 * product * pairs,
                  row * (4 * kHeads + 4 * kKeyHeads),
                  [&d, c, qs, ks] {
                    return he_attention_backward(c, d.tokens, 4, d.offsets.data(), kHeads, kKeyHeads, kSize, 0.125f, 1, 0, 0, nullptr,
                                                 d.q.data(), qs, d.k.data(), ks, d.v.data(), ks, d.y.data(), qs, d.lse.data(), kHeads,
                                                 d.dy.data(), qs, d.dq.data(), qs, d.dk.data(), ks, d.dv.data(), ks);
                  }});
  list.push_back({"paged attention 32 x 1 at 256",
                  2 * product * kHeads * kLength * 32,
                  8.0 * kSize * kKeyHeads * kLength * 32,
                  [&d, c, qs, blocks] {
                    return he_paged_attention(c, d.decoding, d.decoding, d.one_each.data(), d.contexts.data(), d.tables.data(),
                                              kLength / kBlock, kLength / kBlock, kHeads, kKeyHeads, kSize, 0.125f, 1, 0, 0, nullptr,
                                              d.q.data(), qs, d.keys.data(), d.values.data(), blocks, kBlock, d.y.data(), qs);
                  }});
}

void add_rows(std::vector<Kernel>& list, he_context* c, Data& d) {
  const double row = 4.0 * kWidth * static_cast<double>(d.tokens), wide = 4.0 * kMiddle * static_cast<double>(d.tokens);
  list.push_back({"norm 1024 x 576, residual",
                  0,
                  4 * row,
                  [&d, c] {
                    return he_norm(c, d.tokens, kWidth, d.x.data(), kWidth, d.residual.data(), kWidth, d.weight.data(), nullptr, 0, 1e-5f,
                                   0, d.sum.data(), kWidth, d.normal.data(), kWidth, d.statistics.data(), 2);
                  }});
  list.push_back({"norm backward 1024 x 576",
                  0,
                  3 * row,
                  [&d, c] {
                    return he_norm_backward(c, d.tokens, kWidth, d.x.data(), kWidth, d.sum.data(), kWidth, d.weight.data(),
                                            d.statistics.data(), 2, 0, 0, d.normal.data(), kWidth, 0, d.d_weight.data(), nullptr);
                  }});
  list.push_back(
      {"gate (silu) 1024 x 1536",
       0,
       3 * wide,
       [&d, c] { return he_gate(c, 1, d.tokens, kMiddle, d.gate.data(), kMiddle, d.up.data(), kMiddle, d.product.data(), kMiddle); }});
  list.push_back({"gate backward 1024 x 1536",
                  0,
                  5 * wide,
                  [&d, c] {
                    return he_gate_backward(c, 1, d.tokens, kMiddle, d.gate.data(), kMiddle, d.up.data(), kMiddle, d.product.data(),
                                            kMiddle, d.d_gate.data(), kMiddle, d.d_up.data(), kMiddle);
                  }});
}

void add_optimizer(std::vector<Kernel>& list, he_context* c, Data& d) {
  list.push_back({"adamw 16 Mi",
                  0,
                  28.0 * static_cast<double>(d.weights),
                  [&d, c] {
                    return he_adamw(c, d.weights, d.parameter.data(), d.gradient.data(), d.m.data(), d.v2.data(), 1e-6, 0.9, 0.999, 1e-8,
                                    0.01, 1, nullptr);
                  }});
  list.push_back({"squared norm 16 Mi",
                  0,
                  4.0 * static_cast<double>(d.weights),
                  [&d, c] {
                    const float* tensor = d.gradient.data();
                    return he_squared_norm(c, 1, &tensor, &d.weights, &d.norm);
                  }});
}

void add_sampling(std::vector<Kernel>& list, he_context* c, Data& d) {
  for (const bool filtered : {false, true}) {
    he_sampling_row row{};
    row.top_p = 1;
    row.repetition_penalty = row.temperature = row.typical_p = 1;
    row.seed = 7;
    if (filtered) {
      row.top_k = 50;
      row.top_p = 0.95;
    }
    const std::vector<he_sampling_row> rows(static_cast<size_t>(d.decoding), row);
    list.push_back({filtered ? "sample 32 x 49152, k 50, p 0.95" : "sample 32 x 49152",
                    0,
                    4.0 * kVocabulary * 32,
                    [&d, c, rows] {
                      return he_sample(c, d.decoding, kVocabulary, d.logits.data(), kVocabulary, rows.data(), nullptr, 0, 0, nullptr, 0,
                                       nullptr, 0, nullptr, 0, 0, d.ids.data(), d.log_prob.data(), nullptr);
                    }});
  }
}

}  // namespace

void add_layer_kernels(std::vector<Kernel>& list, he_context* c) {
  static Data data;
  add_attention(list, c, data);
  add_rows(list, c, data);
  add_optimizer(list, c, data);
  add_sampling(list, c, data);
}

}  // namespace he::bench
