#include "core/scratch.h"

#include <new>

namespace he {

namespace {

constexpr std::align_val_t kAlign{64};
constexpr size_t kGrain = 1024;  // floats: whole pages, so that workers share no cache line and sizes that differ little share an allocation

void release(float* p) { ::operator delete(p, kAlign); }

// Makes room for copies * floats; keeps what is large enough.
void grow(float*& p, size_t& have, size_t floats, size_t copies) {
  if (floats <= have) return;
  release(p);
  p = nullptr;
  have = 0;
  const size_t rounded = (floats + kGrain - 1) / kGrain * kGrain;
  p = static_cast<float*>(::operator new(rounded * copies * sizeof(float), kAlign));
  have = rounded;
}

}  // namespace

Scratch::Scratch(int workers) : workers_(workers) {}

Scratch::~Scratch() {
  release(worker_);
  release(shared_);
}

void Scratch::reserve(size_t worker_floats, size_t shared_floats) {
  grow(worker_, worker_floats_, worker_floats, static_cast<size_t>(workers_));
  grow(shared_, shared_floats_, shared_floats, 1);
}

float* Scratch::of(int worker) const { return worker_ + worker_floats_ * static_cast<size_t>(worker); }
float* Scratch::shared() const { return shared_; }

}  // namespace he
