import Foundation
import Testing

@testable import Experiments

/// What the machine, control groups and the process's own limits say of memory.
struct MemoryBoundsTests {
  private static let meminfo = """
    MemTotal:       1000 kB
    MemFree:         100 kB
    MemAvailable:    600 kB
    SwapTotal:       200 kB
    SwapFree:         50 kB

    """
  private static let status =
    "Name:\tbitlab\nVmSize:\t 300 kB\nVmData:\t 200 kB\nRssAnon:\t 70 kB\nVmSwap:\t 5 kB\n"

  private func bounds(
    _ files: [String: String], addresses: Int? = nil, data: Int? = nil
  ) throws -> MemoryBounds {
    let tree = try SystemTree(files)
    return MemoryBounds(in: tree.files, addressLimit: addresses, dataLimit: data)
  }

  @Test func machineAndProcess() throws {
    let files = ["/proc/meminfo": Self.meminfo, "/proc/self/status": Self.status]
    let found = try bounds(files, addresses: 1000 << 10, data: 150 << 10)
    #expect(
      found.bounds == [
        .init("this machine", .pages, total: 1200 << 10, free: 650 << 10),
        .init("ulimit -v", .addresses, total: 1000 << 10, free: 700 << 10),
        .init("ulimit -d", .addresses, total: 150 << 10, free: 0),
      ])
    #expect(found.ownPages == 75 << 10)
    #expect(try bounds([:]).bounds.isEmpty)
  }

  /// The cache of files is given up when there is need; the tighter of two limits holds, of each group on the way.
  @Test func unified() throws {
    let found = try bounds([
      "/proc/self/cgroup": "0::/a/b\n", "/proc/self/mountinfo": SystemTree.unified(),
      "/sys/fs/cgroup/a/memory.max": "9000\n", "/sys/fs/cgroup/a/memory.high": "max\n",
      "/sys/fs/cgroup/a/memory.current": "8500\n",
      "/sys/fs/cgroup/a/memory.stat": "anon 1\nfile 5000\ninactive_file 1500\nactive_file 2000\n",
      "/sys/fs/cgroup/a/b/memory.max": "7000\n", "/sys/fs/cgroup/a/b/memory.high": "6000\n",
      "/sys/fs/cgroup/a/b/memory.current": "6500\n", "/sys/fs/cgroup/a/b/memory.stat": "",
    ])
    #expect(
      found.bounds == [
        .init("the control group /sys/fs/cgroup/a", .pages, total: 9000, free: 4000),
        .init("the control group /sys/fs/cgroup/a/b", .pages, total: 6000, free: 0),
      ])
  }

  @Test(arguments: [true, false]) func versionOne(isHierarchical: Bool) throws {
    let a = "/sys/fs/cgroup/memory/a"
    let found = try bounds([
      "/proc/self/cgroup": "4:memory:/a/b\n", "/proc/self/mountinfo": SystemTree.one("memory"),
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
      "/sys/fs/cgroup/memory/memory.usage_in_bytes": "1\n",
      a + "/memory.limit_in_bytes": "5000\n", a + "/memory.usage_in_bytes": "4000\n",
      a + "/memory.use_hierarchy": isHierarchical ? "1\n" : "0\n",
      a + "/memory.stat": "inactive_file 9\ntotal_inactive_file 100\ntotal_active_file 50\n",
      a + "/b/memory.limit_in_bytes": "3000\n", a + "/b/memory.usage_in_bytes": "500\n",
      a + "/b/memory.use_hierarchy": "0\n",
    ])
    let (outer, own) = (
      MemoryBounds.Bound("the control group \(a)", .pages, total: 5000, free: 1150),
      MemoryBounds.Bound("the control group \(a)/b", .pages, total: 3000, free: 2500)
    )
    #expect(found.bounds == (isHierarchical ? [outer, own] : [own]))
  }

  @Test func ofThisProcess() {
    let found = MemoryBounds.ofThisProcess()
    #expect(found.ownPages > 1 << 20 && found.bounds.contains { $0.free > 1 << 20 && $0.free <= $0.total })
  }
}
