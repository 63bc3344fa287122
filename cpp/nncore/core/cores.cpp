#include "nncore/core/cores.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

namespace nncore {
namespace {

int affinity_cores() {
  // The kernel refuses a mask that is too short for the machine.
  for (std::size_t words = 1024 / (8 * sizeof(unsigned long)); words <= (1u << 16); words *= 2) {
    std::vector<unsigned long> mask(words);
    const auto bytes = words * sizeof(unsigned long);
    if (sched_getaffinity(0, bytes, reinterpret_cast<cpu_set_t*>(mask.data())) == 0) {
      return CPU_COUNT_S(bytes, reinterpret_cast<cpu_set_t*>(mask.data()));
    }
    if (errno != EINVAL) break;
  }
  return INT_MAX;
}

/// Cores of a quota per period, both in microseconds, rounded up; INT_MAX when there is none.
int cores_of(long quota, long period) {
  if (quota <= 0 || period <= 0) return INT_MAX;
  return static_cast<int>(std::min<long>((quota + period - 1) / period, INT_MAX));
}

int quota_v2(const std::string& folder) {
  long quota = -1, period = -1;
  std::ifstream(folder + "/cpu.max") >> quota >> period;  // "max 100000" without a quota: reads nothing
  return cores_of(quota, period);
}

int quota_v1(const std::string& folder) {
  long quota = -1, period = -1;  // a quota of -1: none
  std::ifstream(folder + "/cpu.cfs_quota_us") >> quota;
  std::ifstream(folder + "/cpu.cfs_period_us") >> period;
  return cores_of(quota, period);
}

/// The smallest quota of `path` and the groups around it. In a container the path may be the host's, while the files
/// are those of the container's own group at the mount's root: the walk ends there.
template <typename Quota>
int quota_upwards(const std::string& mount, std::string path, const Quota& quota) {
  int cores = quota(mount);
  while (path.size() > 1) {
    cores = std::min(cores, quota(mount + path));
    path.erase(path.rfind('/'));
  }
  return cores;
}

}  // namespace

int available_cores() {
  const int hardware = static_cast<int>(std::thread::hardware_concurrency());
  const int cores = std::min({hardware > 0 ? hardware : INT_MAX, affinity_cores(), detail::quota_cores("")});
  return cores == INT_MAX ? 1 : std::max(cores, 1);
}

std::size_t first_cache() {
#ifdef _SC_LEVEL1_DCACHE_SIZE
  static const long bytes = sysconf(_SC_LEVEL1_DCACHE_SIZE);
  return static_cast<std::size_t>(std::max(0L, bytes));
#else
  return 0;
#endif
}

namespace detail {

int quota_cores(const std::string& root) {
  const std::string mounts = root + "/sys/fs/cgroup";
  int cores = INT_MAX;
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {  // number:controllers:path; v2 has no controllers
    std::istringstream fields(line);
    std::string number, controllers, path;
    if (!std::getline(fields, number, ':') || !std::getline(fields, controllers, ':')) continue;
    std::getline(fields, path);
    if (path.empty() || path[0] != '/') continue;
    if (controllers.empty()) {
      cores = std::min(cores, quota_upwards(mounts, path, quota_v2));
      cores = std::min(cores, quota_upwards(mounts + "/unified", path, quota_v2));
    } else if (("," + controllers + ",").find(",cpu,") != std::string::npos) {
      cores = std::min(cores, quota_upwards(mounts + "/" + controllers, path, quota_v1));
      cores = std::min(cores, quota_upwards(mounts + "/cpu", path, quota_v1));
    }
  }
  return cores;
}

}  // namespace detail
}  // namespace nncore
