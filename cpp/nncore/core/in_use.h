#pragma once

#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "nncore/core/threads.h"

namespace nncore {

/// A second thread asked for an object while one used it.
class InUse : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Lets one thread at a time use an object: the others are refused (InUse).
class UseFlag {
 public:
  /// Holds the right to use `what` for the length of a call.
  class Guard {
   public:
    Guard(UseFlag& flag, const char* what) : flag_(flag) {
      std::uint32_t user = 0;
      if (flag.user_.compare_exchange_strong(user, fork_generation())) return;
      if (user == fork_generation()) throw InUse(std::string(what) + " is in use by another thread");
      // That thread is not in this process, and what it left may be half done.
      throw InUse(std::string(what) +
                  " was in use by a thread when this process was forked from it: make a copy before");
    }
    ~Guard() { flag_.user_.store(0); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    UseFlag& flag_;
  };

 private:
  std::atomic<std::uint32_t> user_{0};  // the generation of the user's process; 0: nobody
};

}  // namespace nncore
