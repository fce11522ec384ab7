#include "core/cpu_limit.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <thread>
#if defined(__linux__)
#include <sched.h>
#endif

namespace he {

std::vector<int> allowed_cpus() {
  std::vector<int> cpus;
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    for (int i = 0; i < CPU_SETSIZE; ++i)
      if (CPU_ISSET(i, &set)) cpus.push_back(i);
#endif
  return cpus;
}

namespace {

// The first `count` numbers of a file; false where there are fewer ("max" is none).
bool read_numbers(const std::string& path, int count, double* out) {
  std::ifstream file(path);
  for (int i = 0; i < count; ++i)
    if (!(file >> out[i])) return false;
  return true;
}

// Quota of one group in CPUs, or 0.
double group_quota(const std::string& folder, bool v2) {
  double n[2];
  if (v2 ? !read_numbers(folder + "/cpu.max", 2, n)
         : !(read_numbers(folder + "/cpu.cfs_quota_us", 1, n) && read_numbers(folder + "/cpu.cfs_period_us", 1, n + 1)))
    return 0;
  return n[0] > 0 && n[1] > 0 ? n[0] / n[1] : 0;
}

// The least quota of the group and of all above it. A container may see its own group as the root, whatever path it is told: the mount's top always counts.
double least_quota(const std::string& mount, std::string group, bool v2) {
  double least = 0;
  for (;;) {
    if (const double quota = group_quota(mount + group, v2); quota > 0 && (least == 0 || quota < least)) least = quota;
    const size_t slash = group.find_last_of('/');
    if (slash == std::string::npos) return least;
    group.resize(slash);
  }
}

bool names_cpu(const std::string& controllers) {
  std::istringstream list(controllers);
  for (std::string name; std::getline(list, name, ',');)
    if (name == "cpu") return true;
  return false;
}

}  // namespace

int cpu_quota(const std::string& root) {
  double least = 0;
  const auto take = [&least](double quota) {
    if (quota > 0 && (least == 0 || quota < least)) least = quota;
  };
  // "id:controllers:path", a line a hierarchy; v2's has no controllers.
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':'), second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1), group = path == "/" ? "" : path;
    if (controllers.empty()) {
      take(least_quota(root + "/sys/fs/cgroup", group, true));
      take(least_quota(root + "/sys/fs/cgroup/unified", group, true));
    } else if (names_cpu(controllers)) {
      for (const char* mount : {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"}) take(least_quota(root + mount, group, false));
    }
  }
  if (least == 0) take(group_quota(root + "/sys/fs/cgroup", true));  // no /proc: the root alone
  return least > 0 ? static_cast<int>(std::ceil(least)) : 0;
}

int usable_cpus() {
  int n = static_cast<int>(allowed_cpus().size());
  if (n == 0) n = static_cast<int>(std::thread::hardware_concurrency());
  if (const int quota = cpu_quota(); quota > 0 && quota < n) n = quota;
  return std::max(n, 1);
}

}  // namespace he
