#include "nncore/rl/background.h"

#include <ctime>
#include <exception>
#include <stdexcept>
#include <thread>
#include <utility>

#include "nncore/core/threads.h"
#include "nncore/core/wait.h"

namespace nncore {

struct Background::State {
  enum : std::uint32_t { kIdle, kJob, kEnd };
  Word word{kIdle};
  std::function<void()> job;
  std::exception_ptr error;
  bool started = false;
  std::uint32_t generation = fork_generation();
  std::thread thread;

  /// Waits until the word is another than `value`.
  void wait_while(std::uint32_t value) {
    const auto changed = [&] { return word.load(std::memory_order_acquire) != value; };
    while (!changed()) {
      if (!spin(changed)) sleep_on(word, value);
    }
  }
  void set(std::uint32_t value) {
    word.store(value, std::memory_order_release);
    wake(word);
  }
  void run() {
    for (;;) {
      wait_while(kIdle);
      if (word.load() == kEnd) return;
      try {
        job();
      } catch (...) {
        error = std::current_exception();
      }
      set(kIdle);
    }
  }
};

Background::Background() : state_(std::make_unique<State>()) {}

Background::~Background() {
  if (state_->generation != fork_generation()) {
    state_.release();  // the thread is in another process: nothing here can be waited for, nor destroyed
    return;
  }
  state_->wait_while(State::kJob);
  state_->set(State::kEnd);
  if (state_->thread.joinable()) state_->thread.join();
}

bool Background::started() const { return state_->started; }

void Background::start(std::function<void()> job) {
  if (state_->generation != fork_generation() && !state_->started) {
    state_.release();
    state_ = std::make_unique<State>();
  }
  State& state = *state_;
  if (!state.thread.joinable()) state.thread = std::thread([&state] { state.run(); });
  state.job = std::move(job);
  state.error = nullptr;
  state.started = true;
  state.set(State::kJob);
}

bool Background::wait_for(double seconds) {
  State& state = *state_;
  if (!state.started || state.generation != fork_generation()) return true;  // wait() says what is wrong
  const auto done = [&] { return state.word.load(std::memory_order_acquire) != State::kJob; };
  if (spin(done)) return true;
  timespec time{};
  time.tv_sec = static_cast<std::time_t>(seconds);
  time.tv_nsec = static_cast<long>((seconds - static_cast<double>(time.tv_sec)) * 1e9);
  syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&state.word), FUTEX_WAIT_PRIVATE, State::kJob, &time, nullptr, 0);
  return done();
}

void Background::wait() {
  State& state = *state_;
  if (!state.started) return;
  if (state.generation != fork_generation()) {
    throw std::runtime_error("the learner was at work when this process was forked from it: load a saved one");
  }
  state.wait_while(State::kJob);
  state.started = false;
  if (state.error != nullptr) std::rethrow_exception(std::exchange(state.error, nullptr));
}

}  // namespace nncore
