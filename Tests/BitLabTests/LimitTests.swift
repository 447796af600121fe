import Dispatch
import Foundation
import Testing

/// The program under limits of memory, files and cores, as its shell, its container or its service manager sets them.
struct LimitTests {
  /// Large enough for two not to fit beside each other into the tests' limits, and quick: one step with one image.
  private static func wide(_ name: String = "wide", hidden: String = "[1500, 1500]") -> String {
    """
    {
      "name": "\(name)", "dataset": {"name": "digits", "train_limit": 1, "validation_limit": 1},
      "model": {"type": "mlp", "hidden": \(hidden)},
      "training": {"epochs": 1, "batch_size": 1, "learning_rate": 0.001},
      "variants": [{"name": "full", "bits": 32}], "seeds": [0, 1]
    }
    """
  }

  /// Kilobytes, as `ulimit -v` counts.
  private static let addressLimit = 480_000

  /// Runs that do not fit beside each other run one after the other.
  @Test func memoryIsReserved() throws {
    let program = try Program()
    try program.put(Self.wide(), as: "wide.json")
    let result = try program.run(
      after: "ulimit -v \(Self.addressLimit)", ["run", "wide.json", "--jobs", "2"])
    #expect(result.code == 0, "\(result.errors)")
    #expect(
      result.errors.contains(
        /waits for [\d,]+ MB of address space \([\d,]+ MB of the 491 MB of ulimit -v are free/),
      "\(result.errors)")
    for seed in 0..<2 {
      #expect(try program.record("results/wide", "full-seed\(seed)")["status"] as? String == "completed")
    }
  }

  /// What can never be had fails, with the figures; other runs do not.
  @Test func memoryThatCanNeverBe() throws {
    let program = try Program()
    try program.put(Self.wide("wide", hidden: "[6000, 6000]"), as: "wide.json")
    try program.put(ConfigText(seeds: "[0]").text, as: "tiny.json")
    let result = try program.run(
      after: "ulimit -v \(Self.addressLimit)", ["run", "wide.json", "tiny.json", "--jobs", "2"])
    #expect(result.code == 1)
    #expect(
      result.errors.contains(
        /wide\/full-seed0: failed: training takes [\d,]+ MB of address space, and ulimit -v leaves/),
      "\(result.errors)")
    #expect(try program.record("results/tiny", "full-seed0")["status"] as? String == "completed")
  }

  /// Too little even for the threads: said at once, where the system's thread pool would try for ever.
  @Test(arguments: ["run tiny.json --jobs 2", "daemon --jobs 2"])
  func noRoomForThreads(words: String) throws {
    let program = try Program()
    try program.put(ConfigText(seeds: "[0]").text, as: "tiny.json")
    let result = try program.run(after: "ulimit -v 100000", words.split(separator: " ").map(String.init))
    #expect(result.code == 1)
    #expect(
      result.errors.contains(/ulimit -v leaves \d+ MB of address space, and training needs at least \d+ MB/),
      "\(result.errors)")
  }

  /// Fewer files than the process itself needs: Dispatch traps without one.
  @Test(arguments: ["run tiny.json", "daemon"], [5, 31])
  func tooFewDescriptorsForAnything(words: String, limit: Int) throws {
    let program = try Program()
    try program.put(ConfigText(seeds: "[0]").text, as: "tiny.json")
    let result = try program.run(after: "ulimit -n \(limit)", words.split(separator: " ").map(String.init))
    #expect(
      result.code == 1
        && result.errors
          == "bitlab: at most \(limit) files may be open at once (ulimit -n), and training needs at "
          + "least 32: raise it\n",
      "\(result)")
  }

  /// A file that may not get longer is an error, and ends no process.
  @Test func filesAreLimitedInSize() throws {
    let program = try Program()
    // Longer than the limit: it is written by the main thread, which no one keeps from getting the signal.
    let text = ConfigText(seeds: "[0]").text + String(repeating: "\n", count: 2_000)
    try program.put(text, as: "tiny.json")
    let result = try program.run(after: "ulimit -f 2", ["run", "tiny.json"])
    #expect(result.code == 1 && result.errors.contains("raise the file size limit (ulimit -f)"), "\(result)")
  }

  /// Fewer files than the runs have open.
  @Test func descriptorsAreReserved() throws {
    let program = try Program()
    let text = ConfigText(seeds: "[\((0..<15).map(String.init).joined(separator: ", "))]").text
    try program.put(text, as: "tiny.json")
    let result = try program.run(after: "ulimit -n 64", ["run", "tiny.json", "--jobs", "30"])
    #expect(result.code == 0 && !result.errors.contains("failed"), "\(result.errors)")
    #expect(result.errors.contains("waits for 8 file descriptors (0 of 32 are free for runs)"))
  }

  /// A run that waits for what others have says so, and begins when one of them ends.
  @Test func statusSaysWhatIsWaitedFor() throws {
    let program = try Program()
    let daemon = try RunningDaemon(program, after: "ulimit -n 64", "--jobs", "6")
    let text = ConfigText(
      name: "long", epochs: 100_000, training: #", "max_steps": 10000000"#,
      variants: #"{"name": "full", "bits": 32}"#, seeds: "[0, 1, 2, 3, 4]"
    ).text
    try program.put(text, as: "long.json")
    #expect(try program("submit", "long.json").code == 0)
    /// The runs by status; looks again until there are so many of each.
    func runs(_ running: Int, _ queued: Int) throws -> [String: [[String: Any]]] {
      let deadline = Date(timeIntervalSinceNow: 60)
      while true {
        let found = Dictionary(grouping: try program.status().values) { $0["status"] as? String ?? "" }
        if found["running"]?.count == running, found["queued", default: []].count == queued { return found }
        try #require(Date() < deadline, "\(found)")
      }
    }
    let found = try runs(4, 1)
    #expect(
      found["queued"]?[0]["waiting_for"] as? String == "8 file descriptors (0 of 32 are free for runs)")
    let one = try #require(found["running"]?[0]["run"] as? String)
    #expect(try program("cancel", "long/\(one)").code == 0)
    _ = try runs(4, 0)
    #expect(daemon.terminate() == 0)
  }

  /// What a shell limits without need is raised, but for commands that are run for people.
  @Test func theSoftLimitIsRaised() throws {
    let program = try Program()
    let text = ConfigText(seeds: "[\((0..<15).map(String.init).joined(separator: ", "))]").text
    try program.put(text, as: "tiny.json")
    let result = try program.run(after: "ulimit -S -n 64", ["run", "tiny.json", "--jobs", "30"])
    #expect(result.code == 0 && !result.errors.contains("waits for"), "\(result.errors)")
  }

  @Test func commandsHaveTheLimitOfTheStart() throws {
    let program = try Program()
    try program.drop(ConfigText(seeds: "[0]").text, as: "tiny.json")
    let command = "ulimit -n > limit; /proc/$PPID/exe shutdown"
    let result = try program.run(after: "ulimit -S -n 100", ["daemon", "--on-finish", command])
    #expect(result.code == 0, "\(result.errors)")
    #expect(try program.text("limit") == "100\n")
  }

  @Test(.enabled(if: access("/usr/bin/taskset", X_OK) == 0, "taskset is not installed"))
  func affinity() throws {
    let program = try Program()
    try program.put(ConfigText(seeds: "[0]").text, as: "tiny.json")
    // The first CPU of this process's own need not be 0.
    let pin = #"cpu=$(sed -n 's/^Cpus_allowed_list:[^0-9]*\([0-9]*\).*/\1/p' /proc/self/status)"#
    let result = try program.run(
      after: "\(pin); taskset -p -c $cpu $$ > /dev/null", ["run", "tiny.json", "-v"])
    #expect(result.errors.contains("runs to go, 1 at once on 1 cores"), "\(result.errors)")
    let more = try program.run(
      after: "\(pin); taskset -p -c $cpu $$ > /dev/null",
      ["run", "tiny.json", "-v", "--jobs", "3", "--results", "more"])
    #expect(more.code == 0 && more.errors.contains("runs to go, 3 at once on 1 cores"), "\(more.errors)")
  }

  /// A real control group, where this process may make one.
  @Test(.enabled(if: TestGroup.cpu() != nil, "this process cannot make a control group with a CPU quota"))
  func quota() throws {
    let group = try #require(TestGroup.cpu())
    let program = try Program()
    try program.put(ConfigText(seeds: "[0]").text, as: "tiny.json")
    let result = try program.run(
      after: "echo $$ > \(group.folder)/cgroup.procs", ["run", "tiny.json", "-v"])
    #expect(result.errors.contains("runs to go, 1 at once on 1 cores"), "\(result.errors)")
  }

  @Test(
    .enabled(if: TestGroup.memory() != nil, "this process cannot make a control group with a memory limit"))
  func memoryOfAGroup() throws {
    let group = try #require(TestGroup.memory())
    let program = try Program()
    try program.put(Self.wide(), as: "wide.json")
    let result = try program.run(
      after: "echo $$ > \(group.folder)/cgroup.procs", ["run", "wide.json", "--jobs", "2"])
    #expect(result.code == 0 && result.errors.contains("of the control group /"), "\(result.errors)")
  }
}

/// A control group of a test's own, removed with the object: by then nothing is in it.
private final class TestGroup {
  let folder: String

  static func cpu() -> TestGroup? {
    TestGroup("cpu", unified: ["cpu.max": "50000 100000"], one: ["cpu.cfs_quota_us": "50000"])
  }

  static func memory() -> TestGroup? {
    TestGroup("memory", unified: ["memory.max": "200000000"], one: ["memory.limit_in_bytes": "200000000"])
  }

  /// nil where the system, or this user's rights, do not allow it.
  private init?(_ controller: String, unified: [String: String], one: [String: String]) {
    let name = "bitlab-tests-\(UUID())"
    for (parent, values) in [("/sys/fs/cgroup", unified), ("/sys/fs/cgroup/\(controller)", one)] {
      let folder = "\(parent)/\(name)"
      guard access(parent + "/cgroup.procs", W_OK) == 0, mkdir(folder, 0o755) == 0 else { continue }
      if values.allSatisfy({ Self.write($1, to: "\(folder)/\($0)") }) {
        self.folder = folder
        return
      }
      rmdir(folder)
    }
    return nil
  }

  /// A group's files are there already; the kernel may refuse what is written.
  private static func write(_ text: String, to path: String) -> Bool {
    let descriptor = open(path, O_WRONLY)
    defer { close(descriptor) }
    return descriptor >= 0 && Foundation.write(descriptor, text, text.utf8.count) == text.utf8.count
  }

  deinit { rmdir(folder) }
}
