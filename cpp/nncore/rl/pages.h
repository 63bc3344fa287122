#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace nncore {

/// Zeroed memory that grows without a copy and takes pages only as they are touched: the system's own, or those of an
/// unnamed file, which is gone with the process.
class Pages {
 public:
  /// `folder` empty: memory. Else where the file is to be, which must exist (std::system_error).
  explicit Pages(const std::string& folder = "");
  ~Pages();
  Pages(Pages&& other) noexcept;
  Pages& operator=(Pages&& other) noexcept;

  std::uint8_t* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

  /// Room for at least this many bytes, half as many again where it must grow; std::bad_alloc, or std::system_error
  /// where the disk is full, leaves it as it is.
  void grow(std::size_t bytes);

 private:
  void release() noexcept;

  std::uint8_t* data_ = nullptr;
  std::size_t bytes_ = 0;
  int file_ = -1;
};

}  // namespace nncore
