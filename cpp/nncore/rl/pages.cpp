#include "nncore/rl/pages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <system_error>
#include <utility>

namespace nncore {
namespace {

constexpr std::size_t kGrain = std::size_t{1} << 16;  // a multiple of every page size
constexpr std::size_t kHuge = std::size_t{1} << 21;   // a huge page

int unnamed_file(const std::string& folder) {
  int file = -1;
#ifdef O_TMPFILE
  file = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0 && errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) {
    throw std::system_error(errno, std::generic_category(), folder);
  }
#endif
  if (file < 0) {  // a file system that has no unnamed files
    std::string name = folder + "/.nncore-XXXXXX";
    file = mkostemp(name.data(), O_CLOEXEC);
    if (file < 0) throw std::system_error(errno, std::generic_category(), folder);
    unlink(name.c_str());
  }
  return file;
}

/// Gives a file room on its disk: where the disk is full, writing to a page without it would end the process.
void allocate(int file, std::size_t bytes) {
  const int error = posix_fallocate(file, 0, static_cast<off_t>(bytes));
  if (error != 0) throw std::system_error(error, std::generic_category(), "room for the replay buffer");
}

/// New memory; from half a huge page on it begins with one, and asks for more: random access spares the page table.
void* anonymous(std::size_t& bytes) {
  constexpr int kAccess = PROT_READ | PROT_WRITE, kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  if (bytes < kHuge / 2) return mmap(nullptr, bytes, kAccess, kFlags, -1, 0);
  const std::size_t rounded = (bytes + kHuge - 1) / kHuge * kHuge;
  void* const memory = mmap(nullptr, rounded + kHuge, kAccess, kFlags, -1, 0);
  if (memory == MAP_FAILED) return memory;
  const std::size_t before = (kHuge - reinterpret_cast<std::uintptr_t>(memory) % kHuge) % kHuge;
  std::uint8_t* const aligned = static_cast<std::uint8_t*>(memory) + before;
  if (before > 0) munmap(memory, before);
  if (before < kHuge) munmap(aligned + rounded, kHuge - before);
  madvise(aligned, rounded, MADV_HUGEPAGE);
  bytes = rounded;
  return aligned;
}

}  // namespace

Pages::Pages(const std::string& folder) : file_(folder.empty() ? -1 : unnamed_file(folder)) {}

Pages::~Pages() { release(); }

Pages::Pages(Pages&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)),
      file_(std::exchange(other.file_, -1)) {}

Pages& Pages::operator=(Pages&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  std::swap(file_, other.file_);
  return *this;
}

void Pages::release() noexcept {
  if (data_ != nullptr) munmap(data_, bytes_);
  if (file_ >= 0) close(file_);
}

void Pages::grow(std::size_t bytes) {
  if (bytes <= bytes_) return;
  if (bytes > SIZE_MAX / 4) throw std::bad_alloc();
  std::size_t wanted = (std::max(bytes, bytes_ + bytes_ / 2) + kGrain - 1) / kGrain * kGrain;
  if (file_ >= 0) allocate(file_, wanted);
  void* memory = MAP_FAILED;
  if (data_ != nullptr) {
    memory = mremap(data_, bytes_, wanted, MREMAP_MAYMOVE);
  } else if (file_ >= 0) {
    memory = mmap(nullptr, wanted, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file_, 0);
  } else {
    memory = anonymous(wanted);
  }
  if (memory == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<std::uint8_t*>(memory);
  bytes_ = wanted;
}

}  // namespace nncore
