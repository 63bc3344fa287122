#pragma once

#include <functional>
#include <memory>

namespace nncore {

/// One thread that runs one job at a time, beside the caller. It starts with the first job.
class Background {
 public:
  Background();
  /// Waits for the job.
  ~Background();

  /// Begins a job; the one before must have been waited for.
  void start(std::function<void()> job);
  /// Whether a job was started that nobody has waited for yet.
  bool started() const;
  /// Waits for so many seconds at most; whether the job is done.
  bool wait_for(double seconds);
  /// Returns when the job is done; throws what it threw. std::runtime_error in a process that was forked meanwhile.
  void wait();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nncore
