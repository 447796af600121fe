import Foundation

/// The control groups (cgroups) that hold this process, of both versions, as far as it can see them.
///
/// `/proc/self/cgroup` says which group it is in, `/proc/self/mountinfo` where the groups' folders are. The limits of every
/// group on the way from the mounted root down to the process's own hold for the process.
struct ControlGroups {
  /// A group's folder.
  struct Group: Hashable {
    var folder: String
    /// Version 2: one hierarchy for all controllers.
    var isUnified: Bool
    /// Whether the process is in it itself, and not only in a group below.
    var isOwn: Bool
  }

  let files: SystemFiles
  private let memberships: [Membership]
  private let mounts: [Mount]

  init(_ files: SystemFiles) {
    self.files = files
    memberships = (files.text("/proc/self/cgroup") ?? "").split(separator: "\n").compactMap { Membership($0) }
    mounts = (files.text("/proc/self/mountinfo") ?? "").split(separator: "\n").compactMap { Mount($0) }
  }

  /// The groups of a controller (`cpu`, `memory`) that bind the process, from the outermost that it can see to its own.
  func groups(of controller: String) -> [Group] {
    memberships.flatMap { membership -> [Group] in
      guard membership.isUnified || membership.controllers.contains(where: { $0 == controller }) else {
        return []
      }
      // A hierarchy may be mounted twice, once in part.
      let ways = mounts.filter { mount in
        mount.isUnified == membership.isUnified
          && (mount.isUnified || mount.options.contains { $0 == controller })
      }.map { groups(from: $0, to: membership) }
      return ways.max { $0.count < $1.count } ?? []
    }
  }

  private func groups(from mount: Mount, to membership: Membership) -> [Group] {
    guard let names = mount.way(to: membership.path) else { return [] }
    var folders = [mount.folder]
    for name in names { folders.append(folders[folders.count - 1] + "/" + name) }
    return folders.enumerated().filter { files.exists($0.element) }.map { depth, folder in
      Group(folder: folder, isUnified: mount.isUnified, isOwn: depth == names.count)
    }
  }

  /// Whole cores' worth of CPU time that the process may use, rounded up; nil for no bound.
  var coreQuota: Int? {
    let quotas = groups(of: "cpu").compactMap { group -> Double? in
      let (quota, period): (Int?, Int?)
      if group.isUnified {
        let words = (files.text(group.folder + "/cpu.max") ?? "").split { $0 == " " || $0 == "\n" }
        (quota, period) = (words.first.flatMap { Int($0) }, words.dropFirst().first.flatMap { Int($0) })
      } else {
        quota = files.number(group.folder + "/cpu.cfs_quota_us")
        period = files.number(group.folder + "/cpu.cfs_period_us")
      }
      // Version 1 says -1 for no quota, version 2 `max`.
      guard let quota, let period, quota > 0, period > 0 else { return nil }
      return Double(quota) / Double(period)
    }
    return quotas.min().map { max(1, Int(min($0, 1e6).rounded(.up))) }
  }
}

/// A line of `/proc/self/cgroup`: `4:memory:/user/me`, or `0::/user/me` for version 2.
private struct Membership {
  let controllers: [Substring]
  let path: String
  let isUnified: Bool

  init?(_ line: Substring) {
    let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3 else { return nil }
    controllers = parts[1].split(separator: ",")
    path = String(parts[2])
    isUnified = parts[0] == "0" && controllers.isEmpty
  }
}

/// A mounted hierarchy of groups, from a line of `/proc/self/mountinfo`.
private struct Mount {
  /// The group whose folder is mounted, as the process sees the hierarchy: `/`, or `/..` above its namespace.
  let root: String
  let folder: String
  let isUnified: Bool
  /// Of the file system: version 1's controllers are among them.
  let options: [Substring]

  init?(_ line: Substring) {
    guard let end = line.range(of: " - ") else { return nil }
    let (left, right) = (
      line[..<end.lowerBound].split(separator: " "), line[end.upperBound...].split(separator: " ")
    )
    guard left.count >= 5, right.count >= 3, right[0] == "cgroup" || right[0] == "cgroup2" else { return nil }
    root = Self.unescaped(left[3])
    folder = Self.unescaped(left[4])
    isUnified = right[0] == "cgroup2"
    options = right[2].split(separator: ",")
  }

  /// The names from the mounted group down to the group at `path`; none where that is not below, but the mounted one is
  /// above the process's namespace and so an ancestor of all that it can name; nil where this mount says nothing of it.
  func way(to path: String) -> [Substring]? {
    let names = path.split(separator: "/")
    let above = root.split(separator: "/")
    if above.contains("..") || names.contains("..") { return above.allSatisfy { $0 == ".." } ? [] : nil }
    return names.starts(with: above) ? Array(names.dropFirst(above.count)) : nil
  }

  /// Spaces and their kin are written as three octal digits.
  private static func unescaped(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      if byte == UInt8(ascii: "\\"), digits.count == 3,
        let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
      {
        bytes.append(code)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
