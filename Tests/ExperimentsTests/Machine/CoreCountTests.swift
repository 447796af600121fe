import Foundation
import Testing

@testable import Experiments

/// The cores that a process may use: affinity, and the quota of every control group that holds it.
struct CoreCountTests {
  private static let other = "21 1 8:1 / / rw - ext4 /dev/sda1 rw,cpu\nnonsense\n"

  private func cores(_ files: [String: String], allowed: Int = 64) throws -> Int {
    let tree = try SystemTree(files)
    return Machine.cores(allowed: allowed, in: tree.files)
  }

  @Test(arguments: [
    ("max 100000\n", 64), ("100000 100000\n", 1), ("150000 100000\n", 2), ("10000 100000\n", 1),
    ("200000 50000\n", 4), ("99999999999 100000\n", 64), ("", 64), ("x y\n", 64), ("0 0\n", 64),
  ])
  func unifiedQuota(text: String, expected: Int) throws {
    let files = [
      "/proc/self/cgroup": "0::/a\n", "/proc/self/mountinfo": Self.other + SystemTree.unified(),
      "/sys/fs/cgroup/a/cpu.max": text,
    ]
    #expect(try cores(files) == expected)
    #expect(try cores(files, allowed: 1) == 1)
  }

  /// A service's group may be bound from above: by its slice, or by the container.
  @Test(arguments: ["", "/a", "/a/b", "/a/b/c"])
  func everyGroupOnTheWayCounts(tight: String) throws {
    var files = ["/proc/self/cgroup": "0::/a/b/c\n", "/proc/self/mountinfo": SystemTree.unified()]
    for group in ["/a", "/a/b", "/a/b/c"] { files["/sys/fs/cgroup\(group)/cpu.max"] = "800000 100000\n" }
    files["/sys/fs/cgroup\(tight)/cpu.max"] = "300000 100000\n"
    // Another one's does not.
    files["/sys/fs/cgroup/other/cpu.max"] = "100000 100000\n"
    #expect(try cores(files) == 3)
  }

  @Test(arguments: [("-1", 64), ("250000", 3), ("50000", 1)])
  func versionOne(quota: String, expected: Int) throws {
    let files = [
      "/proc/self/cgroup": "5:memory:/m\n4:cpu,cpuacct:/a/b\n",
      "/proc/self/mountinfo": SystemTree.one("memory") + SystemTree.one("cpu,cpuacct"),
      "/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us": "\(quota)\n",
      "/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us": "100000\n",
      "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "6400000\n",
      "/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
      "/sys/fs/cgroup/memory/m/cpu.cfs_quota_us": "1\n",
    ]
    #expect(try cores(files) == expected)
  }

  /// Both versions at once, the controller in one of them.
  @Test func hybrid() throws {
    let files = [
      "/proc/self/cgroup": "1:cpu:/x\n0::/x\n",
      "/proc/self/mountinfo": SystemTree.one("cpu") + SystemTree.unified(at: "/sys/fs/cgroup/unified"),
      "/sys/fs/cgroup/cpu/x/cpu.cfs_quota_us": "200000\n",
      "/sys/fs/cgroup/cpu/x/cpu.cfs_period_us": "100000\n",
      "/sys/fs/cgroup/unified/x/cgroup.procs": "",
    ]
    #expect(try cores(files) == 2)
  }

  /// What a container sees: its own group as the root; that with its host's names; a group above its namespace; a part of the
  /// hierarchy that holds somebody else.
  @Test(arguments: [
    ("0::/\n", "/", "/sys/fs/cgroup"), ("0::/docker/x\n", "/docker/x", "/sys/fs/cgroup"),
    ("0::/docker/x/y\n", "/docker/x", "/sys/fs/cgroup/y"), ("0::/\n", "/../..", "/sys/fs/cgroup"),
    ("0::/../z\n", "/", "/sys/fs/cgroup"), ("0::/docker/x\n", "/", "/sys/fs/cgroup"),
  ])
  func namespaces(membership: String, root: String, folder: String) throws {
    let files = [
      "/proc/self/cgroup": membership, "/proc/self/mountinfo": SystemTree.unified(root),
      folder + "/cpu.max": "200000 100000\n",
    ]
    #expect(try cores(files) == 2)
  }

  @Test func anothersGroupSaysNothing() throws {
    let files = [
      "/proc/self/cgroup": "0::/me\n", "/proc/self/mountinfo": SystemTree.unified("/you"),
      "/sys/fs/cgroup/cpu.max": "200000 100000\n",
    ]
    #expect(try cores(files) == 64)
  }

  @Test func namesWithSpaces() throws {
    let files = [
      "/proc/self/cgroup": "0::/a b:c\n",
      "/proc/self/mountinfo": SystemTree.unified(at: #"/sys/my\040groups"#),
      "/sys/my groups/a b:c/cpu.max": "200000 100000\n",
    ]
    #expect(try cores(files) == 2)
  }

  @Test func withoutGroups() throws {
    #expect(try cores([:]) == 64)
    // Who does not say it is asked otherwise.
    #expect(try cores([:], allowed: 0) == ProcessInfo.processInfo.activeProcessorCount)
    #expect(Machine.cores >= 1)
  }
}
