#include "bench/cases/cases.h"
#include "bench/cases/names.h"

namespace he::bench {

void sample(Suite& suite, int64_t rows, int64_t vocabulary, bool filtered) {
  he_context* c = suite.context();
  suite.add(sized("sample", rows, vocabulary) + (filtered ? ", k 50, p 0.95" : ""),
            {Unit::fma, 0, 4.0 * static_cast<double>(rows * vocabulary), 0}, [=] {
              he_sampling_row row{};
              row.repetition_penalty = row.temperature = row.typical_p = 1;
              row.top_p = filtered ? 0.95 : 1;
              row.top_k = filtered ? 50 : 0;
              row.seed = 7;
              row.mask = -1;
              Floats logits = random_floats(rows * vocabulary);
              for (float& x : logits) x *= 8;
              return [=, logits = std::move(logits), parameters = std::vector<he_sampling_row>(static_cast<size_t>(rows), row),
                      ids = std::vector<int32_t>(static_cast<size_t>(rows)), log_prob = Floats(static_cast<size_t>(rows))]() mutable {
                return he_sample(c, rows, vocabulary, logits.data(), vocabulary, parameters.data(), nullptr, 0, 0, nullptr, 0, nullptr, 0,
                                 nullptr, 0, 0, ids.data(), log_prob.data(), nullptr);
              };
            });
}

}  // namespace he::bench
