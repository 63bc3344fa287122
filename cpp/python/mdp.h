#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>

#include "arrays.h"
#include "nncore/rl/mdp.h"

namespace nncore {

/// The arrays of an Mdp, held while the call runs: first_pair, actions, first_outcome, next, probability, reward, ends.
class MdpArrays {
 public:
  explicit MdpArrays(const pybind11::tuple& arrays);
  const Mdp& mdp() const { return mdp_; }

 private:
  In<std::int64_t, 1> integers_[4];
  In<double, 1> numbers_[2];
  In<std::uint8_t, 1> ends_;
  Mdp mdp_;
};

}  // namespace nncore
