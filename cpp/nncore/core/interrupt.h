#pragma once

#include <atomic>
#include <chrono>
#include <exception>
#include <functional>
#include <thread>

// Long calls that can be given up: whoever calls says by what (Ctrl-C, say), the call says that it is long, and its loops
// look now and then whether to go on.

namespace nncore {

/// Thrown by a call that has been given up.
struct Interrupted final : std::exception {
  const char* what() const noexcept override { return "interrupted"; }
};

/// While one lives, its thread's long calls may be given up: when `wanted`, which the thread itself asks ten times a
/// second, returns true. It must not throw.
class Interruptible {
 public:
  explicit Interruptible(std::function<bool()> wanted);
  ~Interruptible();
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

 private:
  friend class LongCall;
  std::function<bool()> wanted_;
  Interruptible* before_;
};

/// A call of so many nanoseconds, on one thread. When they are few, it is not given up.
class LongCall {
 public:
  explicit LongCall(double nanoseconds);
  ~LongCall();
  LongCall(const LongCall&) = delete;
  LongCall& operator=(const LongCall&) = delete;

  /// Throws Interrupted where the work before it has been given up, and is only half done.
  static void check();

 private:
  friend bool given_up();
  bool asks();

  const Interruptible* interruptible_ = nullptr;
  const std::thread::id caller_ = std::this_thread::get_id();
  std::chrono::steady_clock::time_point next_;
  std::atomic<bool> given_up_{false};
};

/// Whether this thread works for a long call.
bool in_long_call();
/// Whether the long call that this thread works for is being given up: a loop then returns at once, and the caller of the
/// parallel work calls LongCall::check.
bool given_up();

namespace detail {
/// For threads that work for others: the long call of the one that they work for.
LongCall* current_long_call();
void set_current_long_call(LongCall* call);
}  // namespace detail

}  // namespace nncore
