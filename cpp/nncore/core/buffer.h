#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#include "nncore/core/view.h"

namespace nncore {

namespace detail {
/// 64-byte aligned memory for std::free; std::bad_alloc when there is none.
void* allocate(std::size_t bytes);
}  // namespace detail

/// Memory of a workspace: 64-byte aligned, grows and never shrinks, holds garbage after growing.
template <typename T>
class Buffer {
 public:
  /// Room for at least `count` elements; what was there is kept only when it was enough.
  T* reserve(std::size_t count) {
    if (count > capacity_) {
      const std::size_t bytes = (count * sizeof(T) + 63) / 64 * 64;
      data_.reset(static_cast<T*>(detail::allocate(bytes)));
      capacity_ = bytes / sizeof(T);
    }
    return data_.get();
  }
  T* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(T* memory) const { std::free(memory); }
  };
  std::unique_ptr<T, Free> data_;
  std::size_t capacity_ = 0;
};

}  // namespace nncore
