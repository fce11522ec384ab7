// Repeated measurements of one thing.
#pragma once
#include <algorithm>
#include <vector>

namespace he::bench {

class Samples {
 public:
  void add(double value) { values_.push_back(value); }
  const std::vector<double>& values() const { return values_; }

  // 0 the least, 0.5 the median, 1 the greatest; between two samples, their mean by distance. At least one sample.
  double quantile(double q) const {
    std::vector<double> sorted = values_;
    std::sort(sorted.begin(), sorted.end());
    const double position = q * static_cast<double>(sorted.size() - 1);
    const size_t below = static_cast<size_t>(position), above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
  }

 private:
  std::vector<double> values_;
};

}  // namespace he::bench
