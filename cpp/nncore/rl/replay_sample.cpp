#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

#include "nncore/rl/power.h"
#include "nncore/rl/replay.h"
#include "nncore/rl/strata.h"

namespace nncore {
namespace {

constexpr std::size_t kAhead = 16;  // transitions fetched before their turn

/// memcpy for the few words of a small observation or an action.
inline void copy(void* to, const void* from, std::size_t bytes) {
  if (bytes % 8 != 0 || bytes > 64) {
    std::memcpy(to, from, bytes);
    return;
  }
  auto* out = static_cast<std::uint8_t*>(to);
  const auto* in = static_cast<const std::uint8_t*>(from);
  for (std::size_t i = 0; i < bytes; i += 8) std::memcpy(out + i, in + i, 8);
}

std::uint8_t* row_of(void* data, std::size_t row, std::size_t bytes) {
  return static_cast<std::uint8_t*>(data) + row * bytes;
}

}  // namespace

void Replay::load(const std::uint8_t* stored, void* const* observations, std::size_t row) const {
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    const Part& part = parts_[p];
    std::uint8_t* out = row_of(observations[p], row, part.bytes);
    if (part.pool < 0) {
      copy(out, stored + part.offset, part.bytes);
    } else {
      FramePool::Id ids[kMostFrames];
      std::memcpy(ids, stored + part.offset, part.stored);
      pools_[static_cast<std::size_t>(part.pool)].load(ids, out);
    }
  }
}

void Replay::gather(const ReplayBatch& batch) const {
  const auto reward_of = [&](const std::uint8_t* stored) {
    float reward;
    std::memcpy(&reward, stored + record_bytes_ - 8, sizeof reward);
    return reward;
  };
  const auto fetch = [&](std::size_t j) {
    const std::uint8_t* stored = record(static_cast<std::size_t>(batch.indices[j]));
    __builtin_prefetch(stored);
    __builtin_prefetch(stored + record_bytes_);  // where the next observation begins, as a rule
  };
  for (std::size_t j = 0; j < std::min(kAhead, batch.size); ++j) fetch(j);
  const bool plain = parts_.size() == 1 && parts_[0].pool < 0;
  const auto give = [&](const std::uint8_t* stored, void* const* observations, std::size_t row) {
    if (observations == nullptr) return;
    if (plain) return copy(row_of(observations[0], row, observation_bytes_), stored, observation_bytes_);
    load(stored, observations, row);
  };
  for (std::size_t j = 0; j < batch.size; ++j) {
    if (j + kAhead < batch.size) fetch(j + kAhead);
    std::size_t slot = static_cast<std::size_t>(batch.indices[j]), steps = 1;
    const std::uint8_t* const stored = record(slot);
    double reward = reward_of(stored);
    std::uint32_t link = this->link(slot);
    for (; steps < settings_.n_steps && (link & kEnd) == 0; ++steps) {  // to the end of what is known of the episode
      slot = link & kPlace;
      reward += powers_[steps] * reward_of(record(slot));
      link = this->link(slot);
    }
    const std::size_t place = link & kPlace;
    give(stored, batch.observations, j);
    give(link & kEnd ? end(place) : record(place), batch.next_observations, j);
    if (batch.actions != nullptr) {
      const std::size_t bytes = settings_.action_bytes;
      copy(row_of(batch.actions, j, bytes), stored + observation_bytes_, bytes);
    }
    if (batch.rewards != nullptr) batch.rewards[j] = static_cast<float>(reward);
    if (batch.terminated != nullptr) batch.terminated[j] = (link & kTerminated) != 0;
    if (batch.discounts != nullptr) batch.discounts[j] = static_cast<float>(powers_[steps]);
  }
}

void Replay::draw_uniform(ReplayBatch& batch, const Draws& draws) const {
  std::uint32_t words[2 * kStrataChunk];
  for (std::size_t first = 0; first < batch.size; first += kStrataChunk) {
    const std::size_t count = std::min(kStrataChunk, batch.size - first);
    random_words(draws, 2 * first, 2 * count, words);
    for (std::size_t j = 0; j < count; ++j) {
      const double place = unit_of(words[2 * j], words[2 * j + 1]) * static_cast<double>(size_);
      batch.indices[first + j] = static_cast<std::int64_t>(std::min(static_cast<std::size_t>(place), size_ - 1));
    }
  }
  if (batch.weights != nullptr) std::fill_n(batch.weights, batch.size, 1.0f);
}

void Replay::draw(ReplayBatch& batch, double beta) {
  if (size_ == 0) throw std::out_of_range("the replay buffer is empty: nothing can be drawn");
  require(beta >= 0 && std::isfinite(beta), "beta must be at least 0 and finite, but is ", beta);
  const Draws draws{seed_, Stream::kReplay, 0, draws_++};
  const View<std::int64_t, 1> indices(batch.indices, {batch.size});
  if (tree_) {
    tree_->sample(draws, indices);
  } else if (ranks_) {
    ranks_->sample(draws, indices);
  } else {
    return draw_uniform(batch, draws);
  }
  if (batch.weights == nullptr) return;
  const double least = tree_ ? tree_->minimum() : ranks_->least();
  double ratios[kStrataChunk];
  for (std::size_t first = 0; first < batch.size; first += kStrataChunk) {
    const std::size_t count = std::min(kStrataChunk, batch.size - first);
    for (std::size_t j = 0; j < count; ++j) {
      const auto index = static_cast<std::size_t>(indices(first + j));
      ratios[j] = (tree_ ? (*tree_)[index] : ranks_->priority(index)) / least;
    }
    power(ratios, -beta, count, ratios);
    for (std::size_t j = 0; j < count; ++j) batch.weights[first + j] = static_cast<float>(ratios[j]);
  }
}

void Replay::sample(ReplayBatch& batch, double beta) {
  draw(batch, beta);
  gather(batch);
}

void Replay::check_indices(View<const std::int64_t, 1> indices) const {
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (static_cast<std::uint64_t>(indices(i)) < size_) continue;
    throw std::out_of_range("indices must be of stored transitions, from 0 to " + std::to_string(size_) +
                            " exclusive, but entry " + std::to_string(i) + " is " + std::to_string(indices(i)));
  }
}

template <typename T>
void Replay::update_priorities(View<const std::int64_t, 1> indices, View<const T, 1> td_errors) {
  const std::size_t n = indices.size();
  require(td_errors.size() == n, "td_errors", "one per index: ", n, td_errors);
  check_indices(indices);
  for (std::size_t i = 0; i < n; ++i) {
    if (std::isfinite(td_errors(i))) continue;
    require(false, "td_errors must be finite, but entry ", i, " is ", td_errors(i));
  }
  if (settings_.kind == ReplayKind::kUniform) return;
  if (ranks_) {
    for (std::size_t i = 0; i < n; ++i) {
      ranks_->set(static_cast<std::size_t>(indices(i)), std::abs(static_cast<double>(td_errors(i))));
    }
    ranks_->changed(n);
    return;
  }
  values_.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    values_[i] = std::abs(static_cast<double>(td_errors(i))) + settings_.epsilon;
  }
  power(values_.data(), settings_.alpha, n, values_.data());
  for (std::size_t i = 0; i < n; ++i) {
    values_[i] = std::max(values_[i], DBL_MIN);  // never 0: what is stored can be drawn
    if (values_[i] <= tree_->largest()) continue;
    require(false, "td_errors must give priorities of at most ", tree_->largest(), ", but entry ", i, " is ",
            td_errors(i));
  }
  tree_->set(indices, {values_.data(), {n}});
}

template void Replay::update_priorities(View<const std::int64_t, 1>, View<const float, 1>);
template void Replay::update_priorities(View<const std::int64_t, 1>, View<const double, 1>);

void Replay::priorities(View<double, 1> out) const {
  require(out.size() == size_, "priorities", "one per transition: ", size_, out);
  for (std::size_t i = 0; i < size_; ++i) out(i) = tree_ ? (*tree_)[i] : ranks_ ? ranks_->priority(i) : 1.0;
}

}  // namespace nncore
