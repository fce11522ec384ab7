// Pointers that know which memory they point to. On a GPU they are bare pointers; in the emulator every access is checked.
#pragma once

namespace he::cuda {

constexpr int kGlobalSpace = 1, kSharedSpace = 3;  // NVPTX's numbers

/// The bits of a bfloat16.
struct bf16 {
  unsigned short bits;
};

/// Sixteen bytes, moved by one instruction from and to addresses that are a multiple of 16.
struct __attribute__((may_alias, aligned(16))) Words {
  unsigned w[4];
};

/// Eight bytes.
struct __attribute__((may_alias, aligned(8))) Pair {
  unsigned w[2];
};

/// Four bytes, whatever they hold.
struct __attribute__((may_alias, aligned(4))) Word {
  unsigned w;
};

/// Global memory. An argument of a kernel is eight bytes: the address, 0 for what is left out.
template <class T>
struct Global {
  T* at = nullptr;

  HE_GPU explicit operator bool() const { return at != nullptr; }
  HE_GPU operator Global<const T>() const { return {at}; }
  HE_GPU Global operator+(long long i) const { return {at + i}; }
  HE_GPU T get(long long i) const {
    HE_TOUCH_GLOBAL(at + i, sizeof(T), kRead);
    return load_from<kGlobalSpace>(at + i);
  }
  HE_GPU void set(long long i, T v) const {
    HE_TOUCH_GLOBAL(at + i, sizeof(T), kWrite);
    store_to<kGlobalSpace>(at + i, v);
  }
  /// V (Words, Pair or Word) that begins at element i.
  template <class V>
  HE_GPU V get_as(long long i) const {
    HE_TOUCH_GLOBAL(at + i, sizeof(V), kRead);
    return load_from<kGlobalSpace>(reinterpret_cast<const V*>(at + i));
  }
  template <class V>
  HE_GPU void set_as(long long i, V v) const {
    HE_TOUCH_GLOBAL(at + i, sizeof(V), kWrite);
    store_to<kGlobalSpace>(reinterpret_cast<V*>(at + i), v);
  }
};

/// Shared memory of the block.
template <class T>
struct Shared {
  T* at = nullptr;

  HE_GPU Shared operator+(int i) const { return {at + i}; }
  HE_GPU T get(int i) const {
    HE_TOUCH_SHARED(at + i, sizeof(T), kRead);
    return load_from<kSharedSpace>(at + i);
  }
  HE_GPU void set(int i, T v) const {
    HE_TOUCH_SHARED(at + i, sizeof(T), kWrite);
    store_to<kSharedSpace>(at + i, v);
  }
  template <class V>
  HE_GPU V get_as(int i) const {
    HE_TOUCH_SHARED(at + i, sizeof(V), kRead);
    return load_from<kSharedSpace>(reinterpret_cast<const V*>(at + i));
  }
  template <class V>
  HE_GPU void set_as(int i, V v) const {
    HE_TOUCH_SHARED(at + i, sizeof(V), kWrite);
    store_to<kSharedSpace>(reinterpret_cast<V*>(at + i), v);
  }
};

/// COUNT elements of the block's shared memory from byte `offset` on; who launches gives the block enough of it.
template <class T>
HE_GPU Shared<T> shared_array(int offset, int count) {
  return {reinterpret_cast<T*>(shared_bytes_at(offset, count * static_cast<int>(sizeof(T))))};
}

}  // namespace he::cuda
