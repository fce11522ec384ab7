#include "core/cpu_limit.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace {

// A file system's root with control groups in it, gone at the end.
class Root {
 public:
  Root() {
    std::string name = (std::filesystem::temp_directory_path() / "he-cgroup-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~Root() { std::filesystem::remove_all(path_); }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;

  Root& file(const std::string& name, const std::string& text) {
    const std::filesystem::path whole = path_ / name;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole) << text;
    return *this;
  }
  int quota() const { return he::cpu_quota(path_.string()); }

 private:
  std::filesystem::path path_;
};

TEST(CpuQuota, NoControlGroups_None) { EXPECT_EQ(Root().quota(), 0); }

TEST(CpuQuota, Version2_RoundsUp) {
  EXPECT_EQ(Root().file("proc/self/cgroup", "0::/\n").file("sys/fs/cgroup/cpu.max", "150000 100000\n").quota(), 2);
  EXPECT_EQ(Root().file("proc/self/cgroup", "0::/\n").file("sys/fs/cgroup/cpu.max", "50000 100000\n").quota(), 1);
  EXPECT_EQ(Root().file("proc/self/cgroup", "0::/\n").file("sys/fs/cgroup/cpu.max", "max 100000\n").quota(), 0);
}

TEST(CpuQuota, Version2_TheTightestGroupOfThePathCounts) {
  Root root;
  root.file("proc/self/cgroup", "0::/pod/box\n").file("sys/fs/cgroup/pod/box/cpu.max", "max 100000\n").file("sys/fs/cgroup/pod/cpu.max", "300000 100000\n");
  EXPECT_EQ(root.quota(), 3);
  EXPECT_EQ(root.file("sys/fs/cgroup/cpu.max", "800000 100000\n").quota(), 3);
  EXPECT_EQ(root.file("sys/fs/cgroup/pod/box/cpu.max", "200000 100000\n").quota(), 2);
}

TEST(CpuQuota, Version1_ReadsTheCpuController) {
  Root root;
  root.file("proc/self/cgroup", "3:cpuset:/box\n2:cpu,cpuacct:/box\n1:memory:/box\n");
  root.file("sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "400000\n").file("sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(root.quota(), 4);
  EXPECT_EQ(root.file("sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "-1\n").quota(), 0);
}

// Inside a container without a namespace of its own, /proc tells the host's path while the mount shows the container's group at its top.
TEST(CpuQuota, Version1_PathThatTheMountDoesNotHave_TopCounts) {
  Root root;
  root.file("proc/self/cgroup", "1:cpu:/docker/abc\n").file("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n").file("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(root.quota(), 1);
}

TEST(CpuQuota, TextThatIsNoNumber_None) {
  EXPECT_EQ(Root().file("proc/self/cgroup", "0::/\nnonsense\n1:cpu\n").file("sys/fs/cgroup/cpu.max", "what\n").quota(), 0);
}

TEST(UsableCpus, AtLeastOne_AtMostTheMask) {
  EXPECT_GE(he::usable_cpus(), 1);
  if (!he::allowed_cpus().empty()) {
    EXPECT_LE(he::usable_cpus(), static_cast<int>(he::allowed_cpus().size()));
  }
}

}  // namespace
