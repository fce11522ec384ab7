// How many CPUs this process may keep busy.
#pragma once
#include <string>
#include <vector>

namespace he {

// CPUs of the affinity mask, in order; empty when the system does not say.
std::vector<int> allowed_cpus();

// The tightest CPU quota of this process's control groups and of those above them, in whole CPUs rounded up; 0 for none. Reads cgroup v2 (cpu.max) and
// v1 (cpu.cfs_quota_us, cpu.cfs_period_us). `root` stands for the file system's root.
int cpu_quota(const std::string& root = "");

// Threads worth having: the mask's CPUs, no more than the quota; at least 1.
int usable_cpus();

}  // namespace he
