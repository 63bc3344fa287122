#include "nncore/energy/hopfield.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>

#include "arrays.h"
#include "gil.h"
#include "nncore/energy/packed_hopfield.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace nncore {
namespace {

using Spins = In<std::int8_t, 2>;
using MemoryRows = In<std::uint64_t, 2>;
using UnitBytes = In<std::uint8_t, 2>;
using Bias = std::optional<In<double, 1>>;

PackedMemories packed(const MemoryRows& rows, const UnitBytes& columns, const Bias& bias, bool self_connections) {
  PackedMemories memories;
  memories.rows = rows;
  memories.count = memories.rows.extent(0);
  memories.columns = columns;
  if (bias) memories.bias = *bias;
  memories.self_connections = self_connections;
  return memories;
}

void bind_packed(py::module_& m) {
  m.def("memory_words", &memory_words, "units"_a, "64-bit words of a packed memory.");
  m.def("unit_bytes", &unit_bytes, "memories"_a, "Bytes of a packed unit.");
  m.def(
      "pack_memories",
      [](Spins patterns, std::size_t first, Out<std::uint64_t, 2> rows, Out<std::uint8_t, 2> columns) {
        const Unlocked unlocked;
        pack_memories(patterns, first, rows, columns);
      },
      "patterns"_a, "first"_a, "rows"_a, "columns"_a);
  m.def(
      "packed_overlaps",
      [](MemoryRows rows, UnitBytes columns, Spins states, Out<std::int64_t, 2> overlaps) {
        const Unlocked unlocked;
        packed_overlaps(packed(rows, columns, std::nullopt, true), states, overlaps);
      },
      "rows"_a, "columns"_a, "states"_a, "overlaps"_a);
  m.def(
      "packed_fields",
      [](MemoryRows rows, UnitBytes columns, Bias bias, bool self_connections, Spins states, Out<double, 2> fields) {
        const Unlocked unlocked;
        packed_fields(packed(rows, columns, bias, self_connections), states, fields);
      },
      "rows"_a, "columns"_a, "bias"_a, "self_connections"_a, "states"_a, "fields"_a);
  m.def(
      "packed_hopfield_recall",
      [](MemoryRows rows, UnitBytes columns, Bias bias, bool self_connections, Out<std::int8_t, 2> states,
         Out<std::int8_t, 2> previous, In<std::int64_t, 1> ids, Out<std::int64_t, 1> sweeps, Out<std::int64_t, 1> cycle,
         bool synchronous, bool random_order, double temperature, std::uint64_t seed, std::uint64_t first_sweep,
         std::size_t count) {
        const Unlocked unlocked;
        packed_hopfield_recall(packed(rows, columns, bias, self_connections),
                               {synchronous, random_order, temperature, seed}, first_sweep, count,
                               {states, previous, ids, sweeps, cycle});
      },
      "rows"_a, "columns"_a, "bias"_a, "self_connections"_a, "states"_a, "previous"_a, "ids"_a, "sweeps"_a, "cycle"_a,
      py::kw_only(), "synchronous"_a, "random_order"_a, "temperature"_a, "seed"_a, "first_sweep"_a, "count"_a);
}

template <typename T>
void bind_weights(py::module_& m) {
  m.def(
      "hopfield_fields",
      [](Spins states, In<T, 2> weights, In<T, 1> bias, Out<T, 2> fields) {
        const Unlocked unlocked;
        hopfield_fields<T>(states, weights, bias, fields);
      },
      "states"_a, "weights"_a, "bias"_a, "fields"_a);
  m.def(
      "hopfield_recall",
      [](In<T, 2> weights, In<T, 1> bias, Out<std::int8_t, 2> states, Out<std::int8_t, 2> previous,
         In<std::int64_t, 1> ids, Out<std::int64_t, 1> sweeps, Out<std::int64_t, 1> cycle, Out<T, 2> fields,
         bool synchronous, bool random_order, double temperature, std::uint64_t seed, std::uint64_t first_sweep,
         std::size_t count) {
        const Unlocked unlocked;
        hopfield_recall<T>(weights, bias, {synchronous, random_order, temperature, seed}, first_sweep, count,
                           {states, previous, ids, sweeps, cycle}, fields);
      },
      "weights"_a, "bias"_a, "states"_a, "previous"_a, "ids"_a, "sweeps"_a, "cycle"_a, "fields"_a, py::kw_only(),
      "synchronous"_a, "random_order"_a, "temperature"_a, "seed"_a, "first_sweep"_a, "count"_a);
  m.def(
      "storkey_learn",
      [](Spins patterns, bool self_connections, Out<T, 2> weights) {
        const Unlocked unlocked;
        storkey_learn<T>(patterns, self_connections, weights);
      },
      "patterns"_a, "self_connections"_a, "weights"_a);
  m.def(
      "pseudo_inverse_learn",
      [](Spins patterns, Out<T, 2> weights) {
        const Unlocked unlocked;
        pseudo_inverse_learn<T>(patterns, weights);
      },
      "patterns"_a, "weights"_a);
}

}  // namespace

void bind_hopfield(py::module_& m) {
  bind_packed(m);
  bind_weights<float>(m);
  bind_weights<double>(m);
}

}  // namespace nncore
