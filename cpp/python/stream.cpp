#include "nncore/nn/stream.h"

#include <pybind11/stl.h>

#include <optional>

#include "arrays.h"
#include "gil.h"

namespace nncore {

namespace {

namespace py = pybind11;
using py::literals::operator""_a;

/// A step of so few products is over before another thread could use the lock.
constexpr std::size_t kShort = 1 << 16;

/// The next output, in a new array or in `out`; None where x or out must first be converted (or refused) by the caller.
template <typename T, typename X, std::size_t Rank>
std::optional<py::object> step(NetworkStream<T>& stream, const py::object& x, const py::object& out) {
  if (!is_exact_array(x) || !In<X, Rank>::accepts(x) || !(out.is_none() || Out<T, 2>::accepts(out)))
    return std::nullopt;
  const In<X, Rank> values{x};
  if (values.view().extent(0) != stream.rows()) return std::nullopt;
  const auto fits = [&](View<T, 2> y) { return y.extents() == std::array{stream.rows(), stream.output_features()}; };
  if (!out.is_none() && !fits(Out<T, 2>(out))) return std::nullopt;
  py::object y = out;
  if (out.is_none()) y = py::array_t<T>({stream.rows(), stream.output_features()});
  const View<T, 2> to = Out<T, 2>(y);
  if (stream.weights() * stream.rows() < kShort) {
    stream.step(values, to);
  } else {
    const Unlocked unlocked;
    stream.step(values, to);
  }
  return y;
}

/// Holds a stream inside a `with`.
template <typename T>
class Hold {
 public:
  explicit Hold(NetworkStream<T>& stream) : stream_(stream) {}
  void enter() {
    if (guard_) throw InUse("the stream is held already");
    guard_.emplace(stream_.use(), "the stream");
  }
  void exit() { guard_.reset(); }

 private:
  NetworkStream<T>& stream_;
  std::optional<UseFlag::Guard> guard_;
};

template <typename T>
void bind_network_stream(py::module_& m, const std::string& dtype) {
  py::class_<Hold<T>>(m, ("HeldStream" + dtype).c_str(), py::module_local())
      .def("__enter__", &Hold<T>::enter)
      .def("__exit__", [](Hold<T>& hold, const py::args&) { hold.exit(); });
  py::class_<NetworkStream<T>>(m, ("Stream" + dtype).c_str(), py::module_local())
      .def(
          "step",
          [](NetworkStream<T>& stream, const py::object& x, const py::object& out) {
            return stream.input_features() != 0 ? step<T, T, 2>(stream, x, out)
                                                : step<T, std::int64_t, 1>(stream, x, out);
          },
          "x"_a, "out"_a)
      .def(
          "hold", [](NetworkStream<T>& stream) { return std::make_unique<Hold<T>>(stream); }, py::keep_alive<0, 1>())
      .def_property_readonly("output_features", &NetworkStream<T>::output_features)
      .def_property_readonly("state", [](const py::object& self) {
        py::list arrays;
        for (const View<T, 3>& view : self.cast<const NetworkStream<T>&>().state()) {
          arrays.append(py::array_t<T>(view.extents(), view.data(), self));
        }
        return arrays;
      });
}

}  // namespace

void bind_stream(py::module_& m) {
  bind_network_stream<float>(m, "Float32");
  bind_network_stream<double>(m, "Float64");
}

}  // namespace nncore
