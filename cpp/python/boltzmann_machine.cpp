#include "nncore/energy/boltzmann_machine.h"

#include <pybind11/pybind11.h>

#include "arrays.h"
#include "gil.h"
#include "nncore/energy/boltzmann_enumeration.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace nncore {
namespace {

using Bits = In<std::uint8_t, 1>;
using BitRows = In<std::uint8_t, 2>;
using Reals = In<double, 1>;
using RealRows = In<double, 2>;

template <typename T>
void bind_sweeps(py::module_& m) {
  m.def(
      "boltzmann_sweeps",
      [](In<T, 2> weights, In<T, 1> bias, Bits clamped, Reals temperatures, bool random_order, std::uint64_t seed,
         std::uint32_t substream, std::uint64_t sweep, std::uint64_t chain, Out<std::uint8_t, 2> states,
         Out<std::int64_t, 2> counts) {
        const Unlocked unlocked;
        boltzmann_sweeps<T>({weights, bias}, clamped, temperatures, random_order, {seed, substream, sweep, chain},
                            states, counts);
      },
      "weights"_a, "bias"_a, "clamped"_a, "temperatures"_a, "random_order"_a, "seed"_a, "substream"_a, "sweep"_a,
      "chain"_a, "states"_a, "counts"_a);
}

void bind_enumeration(py::module_& m) {
  m.attr("BOLTZMANN_MOST_ENUMERATED") = kBoltzmannMostEnumerated;
  m.def("boltzmann_blocks", &boltzmann_blocks, "free_units"_a);
  m.def(
      "boltzmann_log_sums",
      [](RealRows weights, Reals bias, Bits clamped, BitRows rows, std::size_t first, Out<double, 2> log_sums) {
        const Unlocked unlocked;
        boltzmann_log_sums({weights, bias}, clamped, rows, first, log_sums);
      },
      "weights"_a, "bias"_a, "clamped"_a, "rows"_a, "first"_a, "log_sums"_a);
  m.def(
      "boltzmann_moments",
      [](RealRows weights, Reals bias, Bits clamped, BitRows rows, Reals log_sums, std::size_t first,
         std::size_t blocks, Out<double, 2> means, Out<double, 2> moments) {
        const Unlocked unlocked;
        boltzmann_moments({weights, bias}, clamped, rows, log_sums, first, blocks, means, moments);
      },
      "weights"_a, "bias"_a, "clamped"_a, "rows"_a, "log_sums"_a, "first"_a, "blocks"_a, "means"_a, "moments"_a);
}

}  // namespace

void bind_boltzmann_machine(py::module_& m) {
  bind_sweeps<float>(m);
  bind_sweeps<double>(m);
  m.def(
      "boltzmann_importance",
      [](RealRows weights, Reals bias, Reals base, Bits clamped, Reals betas, std::uint64_t seed,
         std::uint32_t substream, std::uint64_t sweep, std::uint64_t chain, Out<std::uint8_t, 2> states,
         Out<double, 1> log_weights) {
        const Unlocked unlocked;
        boltzmann_importance({weights, bias}, base, clamped, betas, {seed, substream, sweep, chain}, states,
                             log_weights);
      },
      "weights"_a, "bias"_a, "base"_a, "clamped"_a, "betas"_a, "seed"_a, "substream"_a, "sweep"_a, "chain"_a,
      "states"_a, "log_weights"_a);
  m.def(
      "boltzmann_fields",
      [](RealRows weights, Reals bias, BitRows states, Out<double, 2> fields) {
        const Unlocked unlocked;
        boltzmann_fields({weights, bias}, states, fields);
      },
      "weights"_a, "bias"_a, "states"_a, "fields"_a);
  m.def(
      "boltzmann_counts",
      [](BitRows states, Out<std::int64_t, 2> counts) {
        const Unlocked unlocked;
        boltzmann_counts(states, counts);
      },
      "states"_a, "counts"_a);
  bind_enumeration(m);
}

}  // namespace nncore
