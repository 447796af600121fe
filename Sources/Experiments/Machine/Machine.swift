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
