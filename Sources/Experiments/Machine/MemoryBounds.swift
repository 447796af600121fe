import Foundation

/// What the process has of memory at a moment, and how much more it may have, as each thing that bounds it says.
package struct MemoryBounds: Sendable {
  /// What a bound counts.
  package enum Measure: Sendable, Hashable {
    /// Pages that have been written to.
    case pages
    /// Addresses, whether anything is at them or not.
    case addresses
  }

  /// One thing that bounds the process, and how far it is from that.
  package struct Bound: Sendable, Hashable {
    /// Completes "of the 2,000 MB of ...".
    package var name: String
    package var measure: Measure
    /// Bytes in all, whoever has them.
    package var total: Int
    /// Bytes to be had without ending anybody's process.
    package var free: Int

    package init(_ name: String, _ measure: Measure, total: Int, free: Int) {
      self.name = name
      self.measure = measure
      self.total = total
      self.free = free
    }

    /// Whether the process is the only one that takes from it: what is missing then, nobody else gives back.
    var isOwn: Bool { measure == .addresses }
  }

  package var bounds: [Bound]
  /// Bytes of pages that the process itself has written to.
  package var ownPages: Int

  package init(_ bounds: [Bound], ownPages: Int = 0) {
    self.bounds = bounds
    self.ownPages = ownPages
  }

  /// A look at the machine, at the process's control groups and at its own limits.
  ///
  /// - Parameters:
  ///   - addressLimit, dataLimit: bytes, of `ulimit -v` and `ulimit -d`; nil for no limit.
  init(in files: SystemFiles, addressLimit: Int?, dataLimit: Int?) {
    let status = files.text("/proc/self/status") ?? ""
    func own(_ name: String) -> Int { (SystemFiles.number(name, in: status) ?? 0) * 1024 }
    ownPages = own("RssAnon") + own("VmSwap")
    bounds = [Self.machine(files)].compactMap { $0 }
    bounds += ControlGroups(files).groups(of: "memory").compactMap { Self.bound(of: $0, files) }
    for (limit, name, used) in [(addressLimit, "ulimit -v", "VmSize"), (dataLimit, "ulimit -d", "VmData")] {
      guard let limit else { continue }
      bounds.append(Bound(name, .addresses, total: limit, free: max(0, limit - own(used))))
    }
  }

  /// The same of this process.
  package static func ofThisProcess() -> MemoryBounds {
    MemoryBounds(
      in: SystemFiles(), addressLimit: softLimit(RLIMIT_AS), dataLimit: softLimit(RLIMIT_DATA))
  }

  /// What keeps this process's memory from training anything; nil where nothing does.
  ///
  /// Where addresses are lacking for a thread's stack, the system's thread pool tries again for ever, and the process would
  /// stand still without a word.
  ///
  /// - Parameter slots: runs at once.
  package static func problemAtStart(slots: Int) -> String? {
    let needed = threads(slots) * stack + ownAddresses
    for bound in ofThisProcess().bounds where bound.isOwn && bound.free < needed {
      return
        "\(bound.name) leaves \(bound.free / 1_000_000) MB of address space, and training needs at least "
        + "\(needed / 1_000_000) MB: raise it"
    }
    return nil
  }

  /// Bytes of a thread's stack.
  private static let stack = 8 << 20
  /// Bytes of addresses that the process needs besides.
  private static let ownAddresses = 24 << 20

  /// A run has its own and its recorder's; the pool's are as many as cores; the rest is the process's.
  private static func threads(_ slots: Int) -> Int { 2 * slots + min(Machine.cores, 8) + 3 }

  private static func softLimit(_ resource: __rlimit_resource) -> Int? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 else { return nil }
    // No limit is the largest value that there is.
    return Int(exactly: limit.rlim_cur)
  }

  private static func machine(_ files: SystemFiles) -> Bound? {
    guard let text = files.text("/proc/meminfo") else { return nil }
    func bytes(_ name: String) -> Int? { SystemFiles.number(name, in: text).map { $0 * 1024 } }
    guard let total = bytes("MemTotal"), let available = bytes("MemAvailable") else { return nil }
    return Bound(
      "this machine", .pages, total: total + (bytes("SwapTotal") ?? 0),
      free: available + (bytes("SwapFree") ?? 0))
  }

  /// What is in a group counts together: the files' cache too, which the kernel gives up when there is need.
  private static func bound(of group: ControlGroups.Group, _ files: SystemFiles) -> Bound? {
    func number(_ name: String) -> Int? { files.number(group.folder + "/" + name) }
    let limits = group.isUnified ? ["memory.max", "memory.high"] : ["memory.limit_in_bytes"]
    guard let limit = limits.compactMap(number).min(), limit < 1 << 60,
      let used = number(group.isUnified ? "memory.current" : "memory.usage_in_bytes")
    else { return nil }
    // In version 1 a group can be told to know nothing of those below it.
    if !group.isUnified, !group.isOwn, number("memory.use_hierarchy") == 0 { return nil }
    let prefix = group.isUnified ? "" : "total_"
    let statistics = files.text(group.folder + "/memory.stat") ?? ""
    let cached = ["inactive_file", "active_file"].reduce(0) {
      $0 + (SystemFiles.number(prefix + $1, in: statistics) ?? 0)
    }
    return Bound(
      "the control group \(group.folder)", .pages, total: limit, free: max(0, limit - max(0, used - cached)))
  }
}
