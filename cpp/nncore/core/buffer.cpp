#include "nncore/core/buffer.h"

#include <sys/mman.h>

namespace nncore::detail {

void* allocate(std::size_t bytes) {
  // Streams through many small pages stop at each one's end; the system is asked for large ones where some fit.
  constexpr std::size_t kHuge = std::size_t{1} << 21;
  void* memory = nullptr;
  if (posix_memalign(&memory, bytes >= 2 * kHuge ? kHuge : 64, bytes) != 0) throw std::bad_alloc();
  if (bytes >= 2 * kHuge) madvise(memory, bytes / kHuge * kHuge, MADV_HUGEPAGE);  // advice: it may fail
  return memory;
}

}  // namespace nncore::detail
