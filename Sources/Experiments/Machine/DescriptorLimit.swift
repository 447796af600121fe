import Foundation

/// How many files, sockets and their kin the process may have open at once.
package enum DescriptorLimit {
  /// What the process was started with.
  package static let atStart = soft

  /// Raises the limit as far as the system allows without asking anybody. To be called first of all.
  package static func raise() {
    _ = atStart
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
    limit.rlim_cur = limit.rlim_max
    _ = setrlimit(resource, &limit)
  }

  /// The limit that holds now.
  package static var soft: Int {
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else { return .max }
    return Int(exactly: limit.rlim_cur) ?? .max
  }

  private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
}
