#include "cuda/expert/routing.h"

#include <algorithm>
#include <numeric>

#include "cuda/expert/grouped.h"
#include "cuda/tests/linear_testing.h"

namespace he {
namespace {

using namespace he::testing;

emulator::Index warps(int tokens) { return {static_cast<unsigned>((tokens + cuda::kRouteWarps - 1) / cuda::kRouteWarps)}; }

std::vector<double> softmax(const std::vector<float>& logits, int token, int experts) {
  std::vector<double> p;
  double sum = 0;
  for (int e = 0; e < experts; ++e) p.push_back(std::exp(static_cast<double>(logits[token * experts + e]))), sum += p.back();
  for (double& v : p) v /= sum;
  return p;
}

TEST(CudaExperts, RouteLoadAndGradients_AgreeWithPlainLoops) {
  Random random;
  SCOPED_TRACE(random.seed());
  constexpr int kTokens = 37;
  for (const int experts : {3, 40})
    for (const int normalize : {0, 1}) {
      SCOPED_TRACE(experts * 10 + normalize);
      const int top_k = 3;
      std::vector<float> logits = random.normals(kTokens * experts);
      logits[1] = logits[0], logits[2] = logits[0] - 1;  // a tie
      const std::vector<float> d = random.normals(kTokens * top_k), dp = random.normals(experts), old = random.normals(kTokens * experts);
      const DeviceArray<float> dl(logits), dd(d), ddp(dp), weights(kTokens * top_k), d_logits(kTokens * experts), added(old), probabilities(kTokens * experts);
      const DeviceArray<int> chosen(kTokens * top_k);
      cuda::RouteArguments a = {in(dl), out(chosen), out(weights), in(dd), in(ddp), out(d_logits), out(probabilities), experts, top_k, top_k, top_k, experts, kTokens, experts, top_k, normalize};
      emulator::launch("route", cuda::route_experts_f32, warps(kTokens), cuda::kRouteThreads, 0, a);
      emulator::launch("route backward", cuda::route_experts_backward_f32, warps(kTokens), cuda::kRouteThreads, 0, a);
      emulator::launch("probabilities", cuda::expert_probabilities_f32, warps(kTokens), cuda::kRouteThreads, 0, a);
      a.d_logits = out(added);
      emulator::launch("load backward", cuda::expert_load_backward_f32, warps(kTokens), cuda::kRouteThreads, 0, a);
      const DeviceArray<double> counts(std::vector<double>(experts, 2)), sums(std::vector<double>(experts, 0.5));
      emulator::launch("load", cuda::expert_load, {static_cast<unsigned>(experts)}, 32, 0, cuda::LoadArguments{in(probabilities), in(chosen), out(counts), out(sums), kTokens, experts, kTokens * top_k});

      std::vector<int> order;
      std::vector<double> ws, gradient, load_gradient, count(experts, 2), sum(experts, 0.5);
      for (int t = 0; t < kTokens; ++t) {
        const std::vector<double> p = softmax(logits, t, experts);
        std::vector<int> best(experts);
        std::iota(best.begin(), best.end(), 0);
        std::stable_sort(best.begin(), best.end(), [&](int x, int y) { return logits[t * experts + x] > logits[t * experts + y]; });
        double total = 0, mean = 0, dot = 0, load_dot = 0;
        for (int i = 0; i < top_k; ++i) total += p[best[i]];
        if (!normalize) total = 1;
        for (int i = 0; i < top_k; ++i) {
          order.push_back(best[i]), ws.push_back(p[best[i]] / total), ++count[best[i]];
          if (normalize) mean += d[t * top_k + i] * p[best[i]] / total;
        }
        std::vector<double> by_p(experts, 0);
        for (int i = 0; i < top_k; ++i) by_p[best[i]] = (d[t * top_k + i] - mean) / total;
        for (int e = 0; e < experts; ++e) dot += by_p[e] * p[e], load_dot += dp[e] * p[e], sum[e] += p[e];
        for (int e = 0; e < experts; ++e) gradient.push_back(p[e] * (by_p[e] - dot)), load_gradient.push_back(old[t * experts + e] + p[e] * (dp[e] - load_dot));
      }
      EXPECT_EQ(order, chosen.values());
      EXPECT_TRUE(near(ws, weights.values(), 4e-6, 1e-7));
      EXPECT_TRUE(near(gradient, d_logits.values(), 1e-5, 1e-5));
      EXPECT_TRUE(near(load_gradient, added.values(), 1e-5, 1e-5));
      EXPECT_EQ(count, counts.values());
      const std::vector<double> loads = sums.values();
      for (int e = 0; e < experts; ++e) EXPECT_NEAR(sum[e], loads[e], 1e-5);
    }
}

TEST(CudaExperts, Groups_AreAStableSort_InAnyOrderOfThreads) {
  Random random;
  SCOPED_TRACE(random.seed());
  for (const int choices : {1, 32, 700}) {
    constexpr int kExperts = 5, kTopK = 1;
    std::vector<int> chosen, by(choices);
    for (int i = 0; i < choices; ++i) chosen.push_back(static_cast<int>(random.integer(0, kExperts - 1)));
    std::iota(by.begin(), by.end(), 0);
    std::stable_sort(by.begin(), by.end(), [&](int x, int y) { return chosen[x] < chosen[y]; });
    std::vector<int> slots(choices), offsets(kExperts + 1, 0);
    for (int i = 0; i < choices; ++i) slots[by[i]] = i, ++offsets[chosen[i] + 1];
    for (int e = 0; e < kExperts; ++e) offsets[e + 1] += offsets[e];
    for (const Options& options : orders(random.seed())) {
      const DeviceArray<int> c(chosen), o(kExperts + 1), tokens(choices), s(choices);
      emulator::launch("group", cuda::group_choices, {kExperts}, cuda::kGroupWarps * 32, cuda::kGroupShared, cuda::GroupArguments{in(c), out(o), out(tokens), out(s), choices, kExperts, kTopK}, options);
      EXPECT_EQ(offsets, o.values());
      EXPECT_EQ(by, tokens.values());
      EXPECT_EQ(slots, s.values());
    }
  }
}

TEST(CudaExperts, CombinedAndItsGradients_AgreeWithPlainLoops) {
  Random random;
  SCOPED_TRACE(random.seed());
  constexpr int kTokens = 7, kTopK = 2, kRows = kTokens * kTopK;
  for (const int width : {5, 600}) {
    std::vector<int> slots(kRows);
    std::iota(slots.begin(), slots.end(), 0);
    for (int i = kRows - 1; i > 0; --i) std::swap(slots[i], slots[random.integer(0, i)]);
    const std::vector<float> grouped = random.normals(kRows * width), weights = random.normals(kRows), dy = random.normals(kTokens * width);
    std::vector<float> y, d_grouped(grouped.size());
    std::vector<double> d_weights;
    for (int t = 0; t < kTokens; ++t) {
      for (int c = 0; c < width; ++c) {
        float sum = 0;
        for (int i = 0; i < kTopK; ++i) sum = std::fma(weights[t * kTopK + i], grouped[slots[t * kTopK + i] * width + c], sum);
        y.push_back(sum);
      }
      for (int i = 0; i < kTopK; ++i) {
        double dot = 0;
        const int row = slots[t * kTopK + i];
        for (int c = 0; c < width; ++c) dot += static_cast<double>(dy[t * width + c]) * grouped[row * width + c], d_grouped[row * width + c] = dy[t * width + c] * weights[t * kTopK + i];
        d_weights.push_back(dot);
      }
    }
    for (const Options& options : orders(random.seed())) {
      const DeviceArray<float> g(grouped), w(weights), d(dy), dev_y(y.size()), dg(d_grouped.size()), dw(kRows);
      const DeviceArray<int> s(slots);
      const cuda::CombineArguments a = {in(g), in(s), in(w), in(d), out(dev_y), out(dg), out(dw), width, kTopK, width, width, width, kTopK, kRows, width, kTopK};
      emulator::launch("combine", cuda::combine_choices_f32, {kTokens}, cuda::kCombineThreads, 0, a, options);
      emulator::launch("combine backward", cuda::combine_choices_backward_f32, {kTokens}, cuda::kCombineThreads, cuda::kCombineShared, a, options);
      EXPECT_TRUE(same_bits(y, dev_y.values()));
      EXPECT_TRUE(same_bits(d_grouped, dg.values()));
      EXPECT_TRUE(near(d_weights, dw.values(), 1e-5, 1e-5 * width));
    }
  }
}

// Rows of each group against its own weight, in the order of the products.
TEST(CudaExperts, GroupedProducts_AreEachExpertsProducts) {
  Random random;
  SCOPED_TRACE(random.seed());
  const std::vector<int> offsets = {0, 3, 3, 70, 71};
  constexpr int kExperts = 4, kRows = 71, kInputs = 300, kOutputs = 40, kStride = 304;
  const std::vector<float> x = random.normals(kRows * kInputs), dy = random.normals(kRows * kOutputs);
  std::vector<std::vector<float>> ws;
  std::vector<uint64_t> wide_at, narrow_at, gradient_at, narrow_gradient_at;
  std::vector<DeviceArray<float>> wide, gradients, narrow_gradients;
  std::vector<PaddedBf16> narrow;
  for (int e = 0; e < kExperts; ++e) {
    ws.push_back(random.normals(kOutputs * kInputs));
    std::vector<float> padded(kOutputs * kStride, 0.0f);
    for (int o = 0; o < kOutputs; ++o) std::copy_n(&ws[e][o * kInputs], kInputs, &padded[o * kStride]);
    wide.emplace_back(padded), narrow.emplace_back(ws[e], kOutputs, kInputs), gradients.emplace_back(padded), narrow_gradients.emplace_back(padded);
    const auto at = [](const auto& array) { return static_cast<uint64_t>(reinterpret_cast<uintptr_t>(array.data())); };
    wide_at.push_back(at(wide[e])), narrow_at.push_back(at(narrow[e].memory)), gradient_at.push_back(at(gradients[e])), narrow_gradient_at.push_back(at(narrow_gradients[e]));
  }
  const DeviceArray<int> o(offsets);
  const DeviceArray<unsigned long long> wt(std::vector<unsigned long long>(wide_at.begin(), wide_at.end())), nt(std::vector<unsigned long long>(narrow_at.begin(), narrow_at.end())),
      gt(std::vector<unsigned long long>(gradient_at.begin(), gradient_at.end())), ngt(std::vector<unsigned long long>(narrow_gradient_at.begin(), narrow_gradient_at.end()));
  const DeviceArray<float> dx_in(x), ddy(dy), y(kRows * kOutputs), dx(kRows * kInputs), y16(kRows * kOutputs), dx16(kRows * kInputs);
  const PaddedBf16 x16(x, kRows, kInputs), dy16(dy, kRows, kOutputs);
  const emulator::Index forward = {2 + kExperts - 1, 1}, backward = {2 + kExperts - 1, 5}, weight = {1, 5, kExperts};
  cuda::GroupedArguments<float> g = {in(o), in(wt), in(dx_in), in(dx_in), out(y), kInputs, kInputs, kStride, kOutputs, 0, 0, 0, kExperts, kRows, kOutputs, kInputs};
  emulator::launch("forward", cuda::grouped_f32_forward_f32, forward, cuda::kF32Threads, cuda::product_f32_shared(64), g);
  g.a = in(ddy), g.a_stride = kOutputs, g.y = out(dx), g.y_stride = kInputs, g.columns = kInputs, g.inner = kOutputs;
  emulator::launch("input", cuda::grouped_f32_input, backward, cuda::kF32Threads, cuda::product_f32_shared(64), g);
  g.weights = in(gt), g.rows = kOutputs;
  emulator::launch("weight", cuda::grouped_f32_weight, weight, cuda::kF32Threads, cuda::product_f32_shared(64), g);
  cuda::GroupedArguments<bf16> h = {in(o), in(nt), in(x16.memory), in(x16.memory), out(y16), x16.stride, x16.stride, kStride, kOutputs, 0, 0, 0, kExperts, kRows, kOutputs, kInputs};
  emulator::launch("forward", cuda::grouped_bf16_forward, forward, 128, cuda::product_bf16_shared(64, true, true), h);
  h.a = in(dy16.memory), h.a_stride = dy16.stride, h.y = out(dx16), h.y_stride = kInputs, h.columns = kInputs, h.inner = kOutputs;
  emulator::launch("input", cuda::grouped_bf16_input, backward, 128, cuda::product_bf16_shared(64, true, false), h);
  h.weights = in(ngt), h.rows = kOutputs;
  emulator::launch("weight", cuda::grouped_bf16_weight, weight, 128, cuda::product_bf16_shared(64, false, false), h);

  const auto slice = [](const std::vector<float>& v, int first, int rows, int width) { return std::vector<float>(v.begin() + first * width, v.begin() + (first + rows) * width); };
  for (const bool half : {false, true})
    for (int e = 0; e < kExperts; ++e) {
      SCOPED_TRACE(e * 10 + half);
      const int first = offsets[e], rows = offsets[e + 1] - first;
      const auto value = [half](float v) { return half ? cuda::widen(bf16{emulator::round_bf16(v)}) : v; };
      const Operand xs = [&](int r, int i) { return value(x[(first + r) * kInputs + i]); }, d = [&](int r, int j) { return value(dy[(first + r) * kOutputs + j]); };
      const Operand w = [&](int j, int i) { return value(ws[e][j * kInputs + i]); };
      const Operand w_columns = [&](int i, int j) { return w(j, i); }, d_columns = [&](int j, int r) { return d(r, j); }, x_columns = [&](int i, int r) { return xs(r, i); };
      EXPECT_TRUE(same_bits(in_order({rows, kOutputs, kInputs}, xs, w), slice((half ? y16 : y).values(), first, rows, kOutputs)));
      EXPECT_TRUE(same_bits(in_order({rows, kInputs, kOutputs}, d, w_columns), slice((half ? dx16 : dx).values(), first, rows, kInputs)));
      const std::vector<float> expected = in_order({kOutputs, kInputs, rows}, d_columns, x_columns, {{}, ws[e]}), padded = (half ? narrow_gradients : gradients)[e].values();
      std::vector<float> found;
      for (int j = 0; j < kOutputs; ++j) found.insert(found.end(), padded.begin() + j * kStride, padded.begin() + j * kStride + kInputs);
      EXPECT_TRUE(same_bits(expected, found));
    }
}

}  // namespace
}  // namespace he
