#pragma once

// Waiting until a word changes: first awake, then asleep. Linux's futex and no mutex, so that a fork can leave nothing
// locked.

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace nncore {

using Word = std::atomic<std::uint32_t>;
static_assert(sizeof(Word) == 4 && Word::is_always_lock_free, "the kernel looks at the same four bytes");

// Long enough to bridge the Python between two training steps, short enough not to matter to others who need the core.
inline constexpr auto kSpin = std::chrono::microseconds(50);
// After this the spin lets other threads have the core: there may be fewer cores than threads.
inline constexpr auto kSelfish = std::chrono::microseconds(5);

/// Waits for at most kSpin until `ready()`; false when it did not come.
template <typename Ready>
bool spin(const Ready& ready) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  for (;;) {
    for (int turn = 0; turn < 32; ++turn) {
      if (ready()) return true;
#if defined(__SSE2__)
      _mm_pause();
#elif defined(__aarch64__)
      asm volatile("yield");
#endif
    }
    const auto waited = Clock::now() - start;
    if (waited > kSpin) return false;
    if (waited > kSelfish) std::this_thread::yield();
  }
}

/// Sleeps while the word is `value`; may return early.
inline void sleep_on(Word& word, std::uint32_t value) {
  syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

/// Wakes the thread that sleeps on the word.
inline void wake(Word& word) {
  syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

}  // namespace nncore
