import CSystem
import Foundation
import Testing

/// What a process finds at its start: descriptors, /proc, the CPU.
struct StartTests {
  /// The lock, or whatever is opened first, must not get the number of a terminal's descriptor and with it what is meant for
  /// the terminal.
  @Test(arguments: ["2>&-", "0<&- 2>&-", "0<&- 1>&- 2>&-"]) func closedDescriptorsTakeNoFile(closing: String)
    throws
  {
    let program = try Program()
    try program.put(ConfigText(epochs: 100_000, seeds: "[0]").text, as: "tiny.json")
    let process = program.shellProcess(#"exec "$0" run tiny.json "# + closing)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.runUnblocked()
    // Lines about epochs have been said by then.
    while process.isRunning, try !program.hasRow(60, in: "results/tiny/runs/full-seed0/steps.csv") {}
    #expect(try program.text("results/.bitlab/lock") == "\(process.processIdentifier)\n")
    kill(process.processIdentifier, SIGTERM)
    process.waitUntilExit()
    #expect(process.code == 143)
  }

  @Test func aResultForAClosedDescriptorIsLost() throws {
    let result = try Program().shell(#"exec "$0" --version 1>&-"#)
    #expect(result.code == 1 && result.errors == "bitlab: cannot write to stdout: Bad file descriptor\n")
  }

  @Test(.enabled(if: Isolation.hasMountNamespaces, "needs root and mount namespaces"))
  func withoutProcTheCommandLineIsTheSame() throws {
    let program = try Program()
    try program.put(ConfigText(seeds: "[0]").text, as: "tiny.json")
    let result = try program.shell(
      #"exec unshare --mount sh -c 'umount -l /proc && exec "$0" run tiny.json' "$0""#)
    #expect(result.code == 0 && result.errors.contains("tiny/two-seed0: completed"), "\(result.errors)")
    let status = try program.shell(#"exec unshare --mount sh -c 'umount -l /proc && exec "$0" status' "$0""#)
    #expect(status.code == 0 && status.output.contains("tiny/two-seed0"), "\(status.errors)")
    // A socket at the end of a long path is reached by way of /proc: that is said, and not that there is none.
    let long = "long/" + String(repeating: "r", count: 100)
    try program.put("", as: "\(long)/.bitlab/lock")
    let far = try program.shell(
      #"exec unshare --mount sh -c 'umount -l /proc && exec "$0" status --results \#(long)' "$0""#)
    #expect(far.code == 1 && far.errors.contains("without /proc"), "\(far.errors)")
  }

  @Test func thisCPUHasWhatThisProgramNeeds() {
    #expect(csystem_needed_cpu_features() & ~csystem_cpu_features() == 0)
  }

  /// - Returns: what is said of features that are missing.
  private func missing(_ needed: UInt64, _ present: UInt64) -> String {
    var text = [CChar](repeating: 1, count: 1024)
    let length = csystem_describe_missing_cpu(needed, present, &text, Int32(text.count))
    let said = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    #expect(said.utf8.count == Int(length))
    return said
  }

  @Test func whatACPULacksIsNamed() {
    #expect(missing(0b1011, 0b1011) == "" && missing(0b0001, ~0) == "")
    let said = missing(0b1011, 0b1101)
    #expect(said.hasPrefix("bitlab: this program was built for a CPU with SSSE3, which this one lacks: "))
    #expect(said.contains("BITLAB_CPU=x86-64-v3") && said.hasSuffix("\n"))
    let all = missing(~0, 0)
    #expect(all.contains("SSE3, SSSE3, ") && all.contains("AVX2, ") && all.hasSuffix(" (for all)\n"))
  }
}

/// What of the system's means to set a process apart a test may use.
enum Isolation {
  static let isRoot = geteuid() == 0
  static let hasMountNamespaces =
    isRoot && succeeds("unshare --mount sh -c 'umount -l /proc'")
  static let hasUserNamespaces = succeeds(
    "unshare --user --map-root-user sh -c 'echo 0 > /proc/sys/user/max_inotify_instances'")
  static let hasOtherUsers = isRoot && succeeds("setpriv --reuid=65534 --regid=65534 --clear-groups true")

  private static func succeeds(_ command: String) -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }
}
