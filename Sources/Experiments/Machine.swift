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

  /// Bytes that new memory can be had for without ending anybody's process, swap included; nil where the system does not
  /// say.
  package static var availableMemory: Int? {
    guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8) else { return nil }
    func bytes(_ name: String) -> Int? {
      let line = text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
      return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
    }
    return bytes("MemAvailable").map { $0 + (bytes("SwapFree") ?? 0) }
  }

  package static let cores = ProcessInfo.processInfo.activeProcessorCount
}
