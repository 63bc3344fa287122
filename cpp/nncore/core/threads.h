#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>

namespace nncore {

// One small pool of threads for the library. It starts with the first call that is worth it, and its workers sleep
// after 50 us without work. In a process made by fork() the pool starts afresh: the child may use as many threads as
// its parent. (A fork() inside a parallel body is not supported.)

/// Most threads that can be asked for.
inline constexpr int kMostThreads = 1024;

/// Threads that a call may use, the caller included. Starts at NNCORE_NUM_THREADS when that is a whole number from 1 to
/// kMostThreads written in digits (anything else is ignored), else at available_cores(), or the smaller OMP_NUM_THREADS,
/// by which tools that run several processes side by side keep each one's threads down. Read at the first use.
int num_threads();

/// Sets num_threads(), for the whole process; `count` must be from 1 to kMostThreads (std::invalid_argument otherwise).
/// Workers beyond it end now, or, when another thread is using them, at the next change.
void set_num_threads(int count);

/// 1, and one more in each process made by fork() from one that used the library.
std::uint32_t fork_generation();

/// Work below this many nanoseconds is not worth waking another thread.
inline constexpr double kSerialNanoseconds = 50e3;

/// While one lives, its thread's parallel calls are shared out as if each were as much work as all of them together:
/// for many short calls on the same data, which follow each other so closely that the workers stay awake and find their
/// parts in their own caches. Nothing changes when `nanoseconds`, of all the calls, are too few for that.
class CloseCalls {
 public:
  explicit CloseCalls(double nanoseconds);
  ~CloseCalls();
  CloseCalls(const CloseCalls&) = delete;
  CloseCalls& operator=(const CloseCalls&) = delete;

 private:
  double before_;
};

/// While one lives, its thread's calls use at most so many threads: for a thread beside others that compute.
class ThreadLimit {
 public:
  explicit ThreadLimit(int most);
  ~ThreadLimit();
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;

 private:
  int before_;
};

namespace detail {
using RangeFunction = void (*)(const void* body, std::size_t part);
/// Calls function(body, part) for every part in [0, parts), each once; the caller takes part. All of them run in the
/// caller when the pool is busy or this is already inside a parallel region.
void run_parts(std::size_t parts, RangeFunction function, const void* body) noexcept;
/// Parts to split work of this size into: 1 when it is small, inside another parallel region, when the pool is busy or
/// with one thread; never so many that a part is below half of kSerialNanoseconds, of CloseCalls taken together.
std::size_t parts_for(double nanoseconds);
}  // namespace detail

/// Calls body(part, parts) once for each part, on up to num_threads() threads; with parts = 1 in the caller when the
/// work (all of it, in nanoseconds on one thread; that of CloseCalls while one lives) is too small, the pool is busy or
/// this is already inside a parallel region. `parts` may be smaller than num_threads(). The body must not throw. Parts
/// inherit the caller's rounding mode and treatment of denormals. The caller sees to it that results do not depend on
/// `parts`.
template <typename Body>
void parallel_parts(std::size_t most_parts, double nanoseconds, const Body& body) {
  std::size_t parts = detail::parts_for(nanoseconds);
  if (parts > most_parts) parts = most_parts;
  if (parts <= 1) {
    if (most_parts > 0) body(std::size_t{0}, std::size_t{1});
    return;
  }
  struct Call {
    const Body* body;
    std::size_t parts;
  } call{&body, parts};
  detail::run_parts(
      parts,
      [](const void* raw, std::size_t part) {
        const Call& c = *static_cast<const Call*>(raw);
        (*c.body)(part, c.parts);
      },
      &call);
}

/// What bodies that may throw keep for their caller: `guard` around what they do, `rethrow` after the parallel call.
class FirstException {
 public:
  template <typename Body>
  void guard(const Body& body) noexcept {
    try {
      body();
    } catch (...) {
      if (!taken_.exchange(true)) first_ = std::current_exception();
    }
  }
  /// Throws what the first body threw, if one did. Its work is then half done.
  void rethrow() const {
    if (first_ != nullptr) std::rethrow_exception(first_);
  }

 private:
  std::atomic<bool> taken_{false};
  std::exception_ptr first_;
};

/// Calls body(begin, end) for contiguous ranges that cover [0, count); inner borders are multiples of `multiple`.
template <typename Body>
void parallel_ranges(std::size_t count, std::size_t multiple, double nanoseconds, const Body& body) {
  const std::size_t units = (count + multiple - 1) / multiple;
  parallel_parts(units, nanoseconds, [&](std::size_t part, std::size_t parts) {
    const std::size_t begin = units * part / parts * multiple;
    const std::size_t end = units * (part + 1) / parts * multiple;
    if (begin < count) body(begin, end < count ? end : count);
  });
}

}  // namespace nncore
