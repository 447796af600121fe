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

  package static let cores = ProcessInfo.processInfo.activeProcessorCount
}
