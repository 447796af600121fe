import CSystem
import Foundation

/// What produced a result, as `run.json` says it.
package enum Machine {
  package static let bitlabVersion = "0.1.0"

  package static let swiftVersion: String = {
    #if swift(>=6.4)
      "6.4 or later"
    #elseif swift(>=6.3)
      "6.3"
    #elseif swift(>=6.2)
      "6.2"
    #else
      "before 6.2"
    #endif
  }()

  package static let host = ProcessInfo.processInfo.hostName

  /// The CPU's name as the system gives it.
  package static let cpu: String = {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
    let name = line?.split(separator: ":", maxSplits: 1).last?.trimmingCharacters(in: .whitespaces)
    return name ?? "unknown"
  }()

  /// The cores that this process may use: those that it may run on, as far as its control groups' quota of CPU time reaches.
  package static let cores = cores(allowed: Int(csystem_allowed_cores()), in: SystemFiles())

  /// - Parameter allowed: cores that the process may run on; 0 where the system does not say.
  static func cores(allowed: Int, in files: SystemFiles) -> Int {
    let allowed = allowed > 0 ? allowed : ProcessInfo.processInfo.activeProcessorCount
    return max(1, min(allowed, ControlGroups(files).coreQuota ?? .max))
  }
}

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

  /// What keeps this process from training anything; nil where nothing does. Dispatch does not survive it where there is not
  /// one descriptor for it.
  package static var problemAtStart: String? {
    let limit = soft
    return limit >= least
      ? nil
      : "at most \(limit) files may be open at once (ulimit -n), and training needs at least \(least): raise it"
  }

  /// Half of them are left to runs, of which one has 8.
  private static let least = 32

  /// The limit that holds now.
  package static var soft: Int {
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else { return .max }
    return Int(exactly: limit.rlim_cur) ?? .max
  }

  private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
}
