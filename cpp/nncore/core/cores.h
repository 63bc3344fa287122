#pragma once

#include <cstddef>
#include <string>

namespace nncore {

/// Cores that this process may use: the smallest of hardware, affinity mask and cgroup quota (v1 or v2, rounded up).
int available_cores();

/// Bytes of data that the first level of a core's cache holds; 0 if that is not known.
std::size_t first_cache();

namespace detail {
/// Cores that the cgroup of this process and those around it allow, rounded up; INT_MAX without a quota. The files are
/// looked up under `root`, which is empty but for tests.
int quota_cores(const std::string& root);
}  // namespace detail

}  // namespace nncore
