#include "nncore/core/interrupt.h"

#include <utility>

namespace nncore {

namespace {

constexpr double kLong = 50e6;  // nanoseconds
constexpr std::chrono::milliseconds kBetween(100);

thread_local Interruptible* interruptible = nullptr;
thread_local LongCall* current = nullptr;

}  // namespace

Interruptible::Interruptible(std::function<bool()> wanted)
    : wanted_(std::move(wanted)), before_(std::exchange(interruptible, this)) {}

Interruptible::~Interruptible() { interruptible = before_; }

LongCall::LongCall(double nanoseconds) {
  if (interruptible == nullptr || nanoseconds < kLong || current != nullptr) return;
  interruptible_ = interruptible;
  next_ = std::chrono::steady_clock::now() + kBetween;
  current = this;
}

LongCall::~LongCall() {
  if (interruptible_ != nullptr) current = nullptr;
}

void LongCall::check() {
  if (given_up()) throw Interrupted();
}

bool LongCall::asks() {
  if (given_up_.load(std::memory_order_relaxed)) return true;
  if (std::this_thread::get_id() != caller_) return false;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return false;
  next_ = now + kBetween;
  // What is asked may itself make calls, which are calls of their own.
  Interruptible* const offered = std::exchange(interruptible, nullptr);
  LongCall* const call = std::exchange(current, nullptr);
  const bool wanted = interruptible_->wanted_();
  interruptible = offered;
  current = call;
  given_up_.store(wanted, std::memory_order_relaxed);
  return wanted;
}

bool in_long_call() { return current != nullptr; }

bool given_up() { return current != nullptr && current->asks(); }

LongCall* detail::current_long_call() { return current; }

void detail::set_current_long_call(LongCall* call) { current = call; }

}  // namespace nncore
