import Foundation

/// The most memory that the process had resident, as the kernel counts it (proc(5)).
enum PeakMemory {
  /// Begins to count anew; false where the kernel does not let us.
  static func reset() -> Bool {
    (try? Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs"))) != nil
  }

  /// Since the last reset, or the start; nil where the kernel does not say.
  static var mebibytes: Double? {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") })
    else { return nil }
    return line.split(separator: " ").compactMap { Double($0) }.first.map { $0 / 1024 }
  }
}
