#include "nncore/core/threads.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "nncore/core/cores.h"
#include "nncore/core/interrupt.h"
#include "nncore/core/view.h"
#include "nncore/core/wait.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace nncore {
namespace {

/// Rounding mode and treatment of denormals of this thread: with the caller's, a result does not depend on who made it
/// (libraries built with -ffast-math change them in the threads that they know).
class FloatMode {
 public:
#if defined(__SSE2__)
  FloatMode() : bits_(_mm_getcsr() & ~kFlags) {}
  void apply() const {
    const unsigned now = _mm_getcsr();
    if ((now & ~kFlags) != bits_) _mm_setcsr(bits_ | (now & kFlags));
  }

 private:
  static constexpr unsigned kFlags = 0x3f;  // exceptions seen so far
  unsigned bits_;
#elif defined(__aarch64__)
  FloatMode() { asm volatile("mrs %0, fpcr" : "=r"(bits_)); }
  void apply() const {
    if (FloatMode().bits_ != bits_) asm volatile("msr fpcr, %0" ::"r"(bits_));
  }

 private:
  std::uint64_t bits_ = 0;
#else
  void apply() const {}
#endif
};

/// This thread is running a part.
thread_local bool inside_region = false;

/// Work that the calls of this thread are part of.
thread_local double together = 0;

/// Threads that calls of this thread may use.
thread_local int thread_limit = kMostThreads;

/// What the parts of one call share.
struct Job {
  static constexpr std::uint32_t kCallerSleeps = 1u << 31;

  detail::RangeFunction function = nullptr;
  const void* body = nullptr;
  FloatMode mode;
  LongCall* long_call = nullptr;
  alignas(64) Word remaining{0};  // parts given to workers and not finished yet

  void finish_one() {
    if (remaining.fetch_sub(1, std::memory_order_acq_rel) == (kCallerSleeps | 1)) wake(remaining);
  }

  void wait() {
    if (spin([&] { return remaining.load(std::memory_order_acquire) == 0; })) return;
    std::uint32_t seen = remaining.fetch_or(kCallerSleeps, std::memory_order_acq_rel) | kCallerSleeps;
    while (seen != kCallerSleeps) {
      sleep_on(remaining, seen);
      seen = remaining.load(std::memory_order_acquire);
    }
  }
};

/// A thread that runs part number `part` of a job when posted. Until it has begun, the caller can take the part back:
/// nobody ever waits for a thread that the system has not scheduled.
class Worker {
 public:
  Worker(Job& job, std::size_t part) : job_(job), part_(part), thread_([this] { loop(); }) {
    pthread_setname_np(thread_.native_handle(), "nncore");
  }

  ~Worker() {
    if (state_.exchange(kStop, std::memory_order_acq_rel) == kAsleep) wake(state_);
    thread_.join();
  }

  void post() {
    if (state_.exchange(kPosted, std::memory_order_acq_rel) == kAsleep) wake(state_);
  }

  /// Takes the part, for whoever asks first.
  bool take() {
    std::uint32_t expected = kPosted;
    return state_.compare_exchange_strong(expected, kIdle, std::memory_order_acq_rel);
  }

 private:
  enum : std::uint32_t { kIdle, kPosted, kAsleep, kStop };

  void loop() {
    inside_region = true;
    for (;;) {
      rest();
      if (state_.load(std::memory_order_acquire) == kStop) return;
      if (!take()) continue;
      job_.mode.apply();
      detail::set_current_long_call(job_.long_call);
      job_.function(job_.body, part_);
      job_.finish_one();
    }
  }

  void rest() {
    if (spin([&] { return state_.load(std::memory_order_acquire) != kIdle; })) return;
    std::uint32_t expected = kIdle;
    if (!state_.compare_exchange_strong(expected, kAsleep, std::memory_order_acq_rel)) return;
    while (state_.load(std::memory_order_acquire) == kAsleep) sleep_on(state_, kAsleep);
  }

  alignas(64) Word state_{kIdle};
  Job& job_;
  const std::size_t part_;
  std::thread thread_;  // last: it starts when the rest is there
};

/// Keeps signals from the threads that start meanwhile: they belong to the program's own threads. Those by which a
/// thread reports its own fault stay.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t blocked;
    sigfillset(&blocked);
    for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGPROF}) sigdelset(&blocked, fault);
    pthread_sigmask(SIG_BLOCK, &blocked, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

class Pool {
 public:
  void run(std::size_t parts, detail::RangeFunction function, const void* body) {
    grow(parts - 1);
    const std::size_t posted = std::min(parts - 1, workers_.size());
    job_.function = function;
    job_.body = body;
    job_.mode = FloatMode();
    job_.long_call = detail::current_long_call();
    job_.remaining.store(static_cast<std::uint32_t>(posted), std::memory_order_relaxed);
    for (std::size_t i = 0; i < posted; ++i) workers_[i]->post();

    function(body, 0);
    for (std::size_t part = 1; part < parts; ++part) {
      const bool given = part <= posted;
      if (given && !workers_[part - 1]->take()) continue;
      function(body, part);
      if (given) job_.finish_one();
    }
    job_.wait();
  }

  void shrink(std::size_t workers) {
    while (workers_.size() > workers) workers_.pop_back();
  }

 private:
  void grow(std::size_t workers) {
    if (workers_.size() >= workers) return;
    const SignalsBlocked blocked;
    try {
      while (workers_.size() < workers) workers_.push_back(std::make_unique<Worker>(job_, workers_.size() + 1));
    } catch (const std::exception&) {
      // The system has no more threads or memory: the caller runs the parts that nobody has.
    }
  }

  Job job_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

std::atomic<int> chosen_threads{0};  // 0: nobody has asked yet
std::atomic<bool> busy{false};       // held by the thread that uses the pool or changes it

/// Ends the workers when the process exits or unloads the library. When a thread (a daemon, say) is still using them,
/// they are left to the end of the process.
struct PoolOwner {
  std::unique_ptr<Pool> pool;
  ~PoolOwner() {
    if (busy.exchange(true, std::memory_order_acquire)) static_cast<void>(pool.release());
  }
} owner;

std::atomic<std::uint32_t> generation{1};

/// In the child of a fork the workers do not exist, and the pool may be in any state: it is forgotten, not destroyed.
void forget_pool() {
  static_cast<void>(owner.pool.release());
  inside_region = false;
  busy.store(false, std::memory_order_release);
  generation.fetch_add(1);
}

[[maybe_unused]] const int fork_handler = pthread_atfork(nullptr, nullptr, forget_pool);

Pool& ready_pool() {
  if (!owner.pool) owner.pool = std::make_unique<Pool>();
  return *owner.pool;
}

/// The number at the beginning of the variable, up to its end or `stop`; 0 when it is none from 1 to kMostThreads.
int threads_from(const char* variable, char stop) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return 0;
  int value = 0;
  for (; *text != '\0' && *text != stop; ++text) {
    if (*text < '0' || *text > '9') return 0;
    value = value * 10 + (*text - '0');
    if (value > kMostThreads) return 0;
  }
  return value;
}

int initial_threads() {
  const int own = threads_from("NNCORE_NUM_THREADS", '\0');
  if (own > 0) return own;
  const int cores = std::min(available_cores(), kMostThreads);
  const int shared = threads_from("OMP_NUM_THREADS", ',');  // "4,2": by level of nesting
  return shared > 0 ? std::min(shared, cores) : cores;
}

}  // namespace

std::uint32_t fork_generation() { return generation.load(std::memory_order_relaxed); }

int num_threads() {
  const int threads = chosen_threads.load(std::memory_order_relaxed);
  if (threads > 0) return threads;
  const int initial = initial_threads();
  int none = 0;
  return chosen_threads.compare_exchange_strong(none, initial) ? initial : none;
}

void set_num_threads(int count) {
  require(count >= 1 && count <= kMostThreads, "count must be from 1 to ", kMostThreads, ", but came as ", count);
  chosen_threads.store(count);
  if (busy.exchange(true, std::memory_order_acquire)) return;
  if (owner.pool) owner.pool->shrink(static_cast<std::size_t>(count - 1));
  busy.store(false, std::memory_order_release);
}

CloseCalls::CloseCalls(double nanoseconds) : before_(std::exchange(together, std::max(together, nanoseconds))) {}

CloseCalls::~CloseCalls() { together = before_; }

ThreadLimit::ThreadLimit(int most) : before_(std::exchange(thread_limit, std::min(thread_limit, most))) {}

ThreadLimit::~ThreadLimit() { thread_limit = before_; }

namespace detail {

std::size_t parts_for(double nanoseconds) {
  if (nanoseconds < together) nanoseconds = together;
  if (!(nanoseconds >= kSerialNanoseconds) || inside_region || busy.load(std::memory_order_relaxed)) return 1;
  const auto threads = static_cast<std::size_t>(std::min(num_threads(), thread_limit));
  const double parts = nanoseconds / (kSerialNanoseconds / 2);
  return parts < static_cast<double>(threads) ? static_cast<std::size_t>(parts) : threads;
}

void run_parts(std::size_t parts, RangeFunction function, const void* body) noexcept {
  const bool nested = std::exchange(inside_region, true);
  if (parts <= 1 || nested || busy.exchange(true, std::memory_order_acquire)) {
    for (std::size_t part = 0; part < parts; ++part) function(body, part);
  } else {
    ready_pool().run(parts, function, body);
    busy.store(false, std::memory_order_release);
  }
  inside_region = nested;
}

}  // namespace detail
}  // namespace nncore
