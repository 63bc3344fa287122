#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>

#include "arrays.h"
#include "gil.h"
#include "interruptible.h"
#include "nncore/text/word2vec_train.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace nncore {
namespace {

template <typename T>
py::array_t<T> copied(const std::vector<T>& values) {
  return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

template <typename T>
std::vector<T> listed(View<const T, 1> values) {
  return std::vector<T>(values.data(), values.data() + values.size());
}

template <typename T>
void bind_training(py::module_& m, const char* name) {
  using Training = Word2VecTraining<T>;
  py::class_<Training>(m, name, py::module_local())
      .def(py::init([](In<std::int64_t, 1> counts, bool skip_gram, std::int64_t window, bool shrink_windows,
                       std::int64_t negative, double ns_exponent, bool hierarchical, bool full_softmax,
                       bool shared_negatives, bool cbow_mean, bool exact_gradient, bool paper_subsampling,
                       double sample, std::uint64_t seed) {
             return std::make_unique<Training>(
                 Word2VecSettings{skip_gram, window, shrink_windows, negative, ns_exponent, hierarchical, full_softmax,
                                  shared_negatives, cbow_mean, exact_gradient, paper_subsampling, sample, seed},
                 counts);
           }),
           "counts"_a, py::kw_only(), "skip_gram"_a, "window"_a, "shrink_windows"_a, "negative"_a, "ns_exponent"_a,
           "hierarchical"_a, "full_softmax"_a, "shared_negatives"_a, "cbow_mean"_a, "exact_gradient"_a,
           "paper_subsampling"_a, "sample"_a, "seed"_a)
      .def(
          "train",
          [](Training& training, Out<T, 2> input, std::optional<Out<T, 2>> negative, std::optional<Out<T, 2>> tree,
             std::optional<In<T, 1>> rates, std::size_t size, In<std::int32_t, 1> corpus, std::size_t first,
             std::size_t last, std::uint64_t epoch, std::uint64_t draws_epoch, double start_alpha, double end_alpha,
             double epochs, std::size_t workers, bool deterministic, bool restart,
             const std::optional<py::function>& stop) {
            Word2VecPart<T> part{{View<T, 2>(input), {}, {}, size}, corpus, first, last, epoch, draws_epoch,
                                 {start_alpha, end_alpha, epochs}};
            if (negative) part.weights.negative = View<T, 2>(*negative);
            if (tree) part.weights.tree = View<T, 2>(*tree);
            if (rates) part.weights.rates = *rates;
            const auto works = given_up_by(stop, [&] {
              return deterministic ? training.sharded(part, workers, restart) : training.hogwild(part, workers);
            });
            Word2VecWork sum;
            std::vector<double> losses;
            for (const Word2VecWork& work : works.value()) {
              sum += work;
              losses.push_back(work.loss);
            }
            return std::make_tuple(sum.words, sum.pairs, copied(losses));
          },
          "input"_a, "negative"_a.none(true), "tree"_a.none(true), "rates"_a.none(true), "size"_a, "corpus"_a,
          "first"_a, "last"_a, "epoch"_a, "draws_epoch"_a, "start_alpha"_a, "end_alpha"_a, "epochs"_a, "workers"_a,
          "deterministic"_a = false, "restart"_a = false, "stop"_a = py::none())
      .def(
          "kept",
          [](const Training& training, In<std::int32_t, 1> corpus, std::size_t begin, std::size_t end,
             std::uint64_t draws_epoch) {
            const View<const std::int32_t, 1> ids = corpus;
            require(begin <= end && end <= ids.size(), "positions must be within the corpus");
            for (std::size_t p = 0; p < ids.size(); ++p) {
              require(ids(p) >= -1 && ids(p) < static_cast<std::int64_t>(training.tables().words()),
                      "ids must be words or -1, but one is ", ids(p));
            }
            Word2VecKept kept;
            word2vec_keep(training.tables(), Word2VecDraws(training.tables().settings().seed, draws_epoch), ids, begin,
                          end, kept);
            return std::make_tuple(copied(kept.words), copied(kept.reach), copied(kept.positions), kept.first,
                                   kept.last);
          },
          "corpus"_a, "begin"_a, "end"_a, "draws_epoch"_a)
      .def(
          "negatives",
          [](const Training& training, std::uint64_t position, std::int32_t word, std::size_t set,
             std::uint64_t draws_epoch) {
            const Word2VecTables& tables = training.tables();
            std::vector<std::int32_t> drawn(static_cast<std::size_t>(tables.settings().negative));
            word2vec_negatives(tables, Word2VecDraws(tables.settings().seed, draws_epoch), position, set * drawn.size(),
                               drawn.size(), drawn.data());
            drawn.erase(std::remove(drawn.begin(), drawn.end(), word), drawn.end());
            return copied(drawn);
          },
          "position"_a, "word"_a, "set"_a, "draws_epoch"_a)
      .def_property(
          "tree",
          [](const Training& training) {
            const HuffmanTree& tree = training.tables().tree();
            return py::make_tuple(copied(std::vector<std::uint64_t>(tree.start.begin(), tree.start.end())),
                                  copied(tree.point), copied(tree.code));
          },
          [](Training& training, std::tuple<In<std::uint64_t, 1>, In<std::int32_t, 1>, In<std::uint8_t, 1>> given) {
            const auto start = listed<std::uint64_t>(std::get<0>(given));
            require(!start.empty(), "tree must have a start for each way, and the end of the last");
            HuffmanTree tree{{start.begin(), start.end()},
                             listed<std::int32_t>(std::get<1>(given)),
                             listed<std::uint8_t>(std::get<2>(given))};
            training.set_tree(std::move(tree));
          });
}

}  // namespace

void bind_word2vec(py::module_& m) {
  m.attr("WORD2VEC_CHUNK") = kWord2VecChunk;
  m.attr("WORD2VEC_ROUND") = kWord2VecRound;
  bind_training<float>(m, "Word2VecFloat32");
  bind_training<double>(m, "Word2VecFloat64");
}

}  // namespace nncore
