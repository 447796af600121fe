import Files

/// A process's memory as `/proc/PID/status` has it, in MiB.
struct ProcessMemory {
  /// VmRSS: in memory now.
  var resident: Double
  /// VmHWM: the most that ever was.
  var peak: Double

  init(of process: Int32) throws {
    let lines = try POSIXFileSystem().readText("/proc/\(process)/status").split(separator: "\n")
    func mebibytes(_ key: String) throws -> Double {
      let line = lines.first { $0.hasPrefix(key + ":") }
      guard let word = line?.split(whereSeparator: { " \t".contains($0) }).dropFirst().first,
        let kibibytes = Double(word)
      else { throw BenchmarkProblem("/proc/\(process)/status says nothing of \(key)") }
      return kibibytes / 1024
    }
    resident = try mebibytes("VmRSS")
    peak = try mebibytes("VmHWM")
  }
}
