#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nncore/core/in_use.h"
#include "nncore/core/random.h"
#include "nncore/core/view.h"
#include "nncore/rl/frames.h"
#include "nncore/rl/pages.h"
#include "nncore/rl/rank_order.h"
#include "nncore/rl/sum_tree.h"

namespace nncore {

enum class ReplayKind { kUniform, kProportional, kRank };

/// What a replay keeps. One environment or many, whose transitions may come in any order.
struct ReplaySettings {
  std::size_t capacity = 0;                  // transitions, from 1 to 2^29 - 1
  std::vector<ObservationPart> observation;  // one part, or one per entry of a dictionary
  std::size_t action_bytes = 8;
  std::size_t n_steps = 1;
  double gamma = 0.99;
  ReplayKind kind = ReplayKind::kUniform;
  double alpha = 0.6;     // of the priorities
  double epsilon = 1e-6;  // is added to |TD error| (proportional)
  std::uint64_t seed = 0;
  std::string folder;  // where not empty, transitions live in unnamed files there instead of memory
};

/// Where a sample of `size` transitions goes. Null pointers are left out, except indices.
struct ReplayBatch {
  std::size_t size = 0;
  void* const* observations = nullptr;       // one array (size, part's bytes) for each part
  void* const* next_observations = nullptr;  // the same: m steps later, m <= n_steps
  void* actions = nullptr;                   // (size, action_bytes)
  float* rewards = nullptr;                  // sum of gamma^k r_k over the m steps
  std::uint8_t* terminated = nullptr;        // 1 where the m steps end in a terminal state
  float* discounts = nullptr;                // gamma^m
  std::int64_t* indices = nullptr;
  float* weights = nullptr;  // (p_i / min p)^-beta, so that the greatest weight of the whole replay is 1
};

/// One transition each, of `count` environments.
struct ReplaySteps {
  std::size_t count = 0;
  const void* const* observations = nullptr;       // one array (count, part's bytes) for each part
  const void* const* next_observations = nullptr;  // true ones: the final observation where an episode ends
  const void* actions = nullptr;                   // (count, action_bytes)
  const float* rewards = nullptr;
  const std::uint8_t* terminated = nullptr;
  const std::uint8_t* truncated = nullptr;
  const std::int64_t* environments = nullptr;  // numbers below 2^20; null: 0 ... count - 1
};

/// Transitions (observation, action, reward, next observation, terminated, truncated) from which batches are drawn:
/// uniformly, or by priority (Schaul et al. 2016). The oldest give way to the newest; index = place in the ring.
///
/// An observation is kept once: the next observation of a transition is that of the following one of its environment.
/// Where none follows yet, where an episode ends (true final observation), and where what follows does not begin with
/// it, it stands in a table beside. Frames of stacked images are kept once as well (FramePool). What sample() gives
/// depends on the settings and on all calls since the seed alone. Calls are not checked but where they say so.
///
/// For one thread at a time; bindings hold in_use().
class Replay {
 public:
  /// std::invalid_argument names the setting that is out of its range; std::bad_alloc where memory is refused.
  explicit Replay(const ReplaySettings& settings);

  const ReplaySettings& settings() const { return settings_; }
  std::size_t size() const { return size_; }
  std::size_t capacity() const { return settings_.capacity; }
  UseFlag& in_use() { return in_use_; }

  /// Adds transitions, in the order of their environments. New ones get the greatest priority that is stored, 1 where
  /// nothing is. std::bad_alloc leaves all as it was.
  void add(const ReplaySteps& steps);

  /// Adds one transition of a replay whose observations have one part.
  void add(const void* observation, const void* action, float reward, const void* next_observation, bool terminated,
           bool truncated, std::size_t environment = 0);

  /// The next transition of this environment begins a new episode, whatever its observation. Where an episode ends by
  /// `terminated` or `truncated`, and where observations do not follow each other, this is known without the call.
  void end_episode(std::size_t environment = 0);

  /// Draws batch.size indices and gathers their transitions: draw() and gather(). With kind kUniform weights are 1.
  /// std::out_of_range where nothing is stored.
  void sample(ReplayBatch& batch, double beta = 0.4);

  /// Indices and weights alone. Independent and uniform, or stratified by priority and in ascending order.
  void draw(ReplayBatch& batch, double beta = 0.4);

  /// The transitions at batch.indices, which must be below size().
  void gather(const ReplayBatch& batch) const;

  /// std::out_of_range for an index that is not below size().
  void check_indices(View<const std::int64_t, 1> indices) const;

  /// p_i = (|td_error| + epsilon)^alpha; with kind kRank, p_i = 1 / rank(i)^alpha by |td_error|. Before anything
  /// changes: std::out_of_range for an index that is not below size(), std::invalid_argument for an error that is not
  /// finite (or too great for a sum). Nothing happens with kind kUniform but the checks. T is float or double.
  template <typename T>
  void update_priorities(View<const std::int64_t, 1> indices, View<const T, 1> td_errors);

  /// What indices 0 ... size() - 1 are drawn in proportion to.
  void priorities(View<double, 1> out) const;

  void seed(std::uint64_t seed);

  /// Everything that a later run needs beside the settings, for a file. The views are of this replay's own memory, and
  /// end with the next call that changes it.
  struct State {
    View<const std::uint8_t, 2> records;              // (size, bytes of a record)
    View<const std::uint8_t, 2> ends;                 // observations beside: (entries, bytes)
    std::vector<View<const std::uint8_t, 2>> frames;  // for each part with frames: (frames, bytes)
    std::vector<double> priorities;                   // (size) priorities, or |TD errors| in the order of ranks
    std::vector<std::int64_t> order;                  // (size) of ranks, else empty
    std::vector<std::uint64_t> last;  // for each environment 1 + the number of its last transition, 0: none
    std::uint64_t added = 0;          // transitions since the beginning
    std::uint64_t updates = 0;        // since ranks were sorted
    std::uint64_t seed = 0, draws = 0;
  };
  State state() const;
  /// Takes over a state of a replay with the same settings, whole or not at all. std::invalid_argument says what of it
  /// cannot be.
  void restore(const State& state);
  /// The part of restore's checks that looks at sizes alone.
  void check_sizes(const State& state) const;
  /// Where in a record part p of the observation, and the action, stand; a part stands in an entry of `ends` likewise.
  std::size_t offset(std::size_t part) const { return parts_[part].offset; }
  std::size_t action_offset() const { return observation_bytes_; }

  /// Bytes that are taken: transitions, observations beside, frames, priorities.
  std::size_t bytes() const;

 private:
  // A record: observation, action, reward (float), link. An observation is its parts, one after the other, each as bytes
  // or as the numbers of its frames. A link is a place and flags: the following record, or an entry of ends_.
  static constexpr std::uint32_t kPlace = (1u << 29) - 1, kEnd = 1u << 29, kTerminated = 1u << 30,
                                 kTruncated = 1u << 31;

  struct Part {
    std::size_t bytes, offset;  // of the observation; where it stands in a record
    std::size_t stored;         // bytes there
    std::ptrdiff_t pool;        // its frames, or -1
  };
  struct Step {
    const void* const* observations;
    const void* const* next_observations;
    const void* action;
    float reward;
    bool terminated, truncated;
    std::size_t environment, row;
  };

  std::uint8_t* record(std::size_t slot) const { return records_.data() + slot * record_bytes_; }
  std::uint8_t* end(std::size_t entry) const { return ends_.data() + entry * observation_bytes_; }
  std::uint32_t link(std::size_t slot) const;
  void set_link(std::size_t slot, std::uint32_t link);

  void prepare(std::size_t count, std::size_t environments);
  void add_step(const Step& step);
  void forget(std::size_t slot);
  void prioritize(std::size_t first, std::size_t count, double priority);
  double greatest_without(std::size_t slot);
  bool shows(const std::uint8_t* stored, const void* const* observations, std::size_t row);
  void store(const void* const* observations, std::size_t row, const std::uint8_t* before, std::uint8_t* stored);
  void drop(const std::uint8_t* stored);
  void load(const std::uint8_t* stored, void* const* observations, std::size_t row) const;
  void draw_uniform(ReplayBatch& batch, const Draws& draws) const;
  std::uint64_t serial(std::size_t slot) const;
  void restore_links();
  void restore_frames(const State& state);
  void restore_priorities(const State& state);
  void swap(Replay& other) noexcept;

  ReplaySettings settings_;
  std::vector<Part> parts_;
  std::vector<FramePool> pools_;
  std::size_t observation_bytes_ = 0, record_bytes_ = 0;
  Pages records_, ends_;
  std::size_t size_ = 0, next_ = 0;  // next_: the place of the next transition
  std::size_t ends_count_ = 0;
  std::vector<std::uint32_t> free_ends_;
  std::vector<std::uint64_t> last_;  // of each environment, as in State
  std::uint64_t added_ = 0, seed_ = 0, draws_ = 0;
  std::vector<double> powers_;  // gamma^0 ... gamma^n_steps
  std::optional<SumTree> tree_;
  std::optional<RankOrder> ranks_;
  std::vector<double> values_;
  UseFlag in_use_;
};

}  // namespace nncore
