import Experiments
import Files
import Foundation

/// Moves many configs into the watched folder at once, while the only slot is taken, and then lets them all run.
struct QueueBenchmark {
  static let options = BenchmarkedDaemon.Settings.options.union([
    "--counts", "--run-all", "--no-watch", "--json",
  ])

  /// More than so many run only where that was asked for: it takes minutes.
  private static let mostRun = 1_000
  private static let long = "long"

  private let settings: BenchmarkedDaemon.Settings
  private let counts: [Int]
  private let runsAll: Bool
  private let watches: Bool
  private let isJSON: Bool

  init(_ options: CommandOptions) throws {
    settings = try BenchmarkedDaemon.Settings(options)
    counts = try options.list("--counts", [100, 1_000, 10_000], CommandOptions.count)
    runsAll = options.has("--run-all")
    watches = !options.has("--no-watch")
    isJSON = options.has("--json")
  }

  func run() throws {
    var all: [QueueFigures] = []
    for count in counts {
      BenchmarkReport.progress("queue: \(count) configs")
      all.append(try measure(count))
    }
    report(all)
    if all.contains(where: { $0.lost + $0.doubled > 0 }) {
      throw BenchmarkProblem("configs were lost, or ran twice")
    }
  }

  private func measure(_ count: Int) throws -> QueueFigures {
    let daemon = try BenchmarkedDaemon(settings, jobs: 1)
    let names = (1...count).map { "job-\($0)" }
    try daemon.prepare(DigitsConfig.endless(Self.long), as: "long.json")
    for name in names { try daemon.prepare(DigitsConfig.tiny(name), as: name + ".json") }
    daemon.settle()
    var figures = QueueFigures(count: count)
    figures.memoryAtStart = try ProcessMemory(of: daemon.pid).resident
    try daemon.drop("long.json")
    // What is allocated once and for all is there before memory is looked at, the copy that the first epoch's checkpoint
    // is written from included.
    try daemon.wait { (try? daemon.record(Self.long))?.epoch ?? 0 > 0 }
    try daemon.run("status")
    usleep(1_000_000)
    try accept(names, daemon, &figures)
    try look(daemon, &figures)
    try check(names, daemon, &figures)
    if count <= Self.mostRun || runsAll {
      figures.ended = try runAll(names, daemon)
      try check(names, daemon, &figures, ended: true)
      // A folder that no config has the name of would be a second one of the same.
      let folders = try daemon.results.experimentNames(in: POSIXFileSystem())
      figures.doubled += folders.count { $0 != Self.long && !Set(names).contains($0) }
    }
    try daemon.stop()
    return figures
  }

  private func accept(_ names: [String], _ daemon: BenchmarkedDaemon, _ figures: inout QueueFigures) throws {
    let seen = daemon.folder.file("watch")
    let watcher = watches ? try daemon.start(["watch"], errors: seen) : nil
    let files = POSIXFileSystem()
    func watcherSays(_ text: String) -> Bool { (try? files.readText(seen))?.contains(text) == true }
    if watches { try daemon.wait { watcherSays("of 1 ended") } }
    figures.memoryBefore = try ProcessMemory(of: daemon.pid).resident
    let begin = MonotonicClock.now
    for name in names { try daemon.drop(name + ".json") }
    figures.moved = MonotonicClock.now - begin
    try daemon.wait { !daemon.hasConfigsWaiting }
    figures.emptied = MonotonicClock.now - begin
    figures.memoryAccepted = try ProcessMemory(of: daemon.pid).resident
    if let watcher {
      try daemon.wait { watcherSays("of \(names.count + 1) ended") }
      figures.watched = MonotonicClock.now - begin
      watcher.end()
    }
    while try daemon.status().count < names.count + 1 {
      if MonotonicClock.now - begin > 600 { throw BenchmarkProblem("runs are missing after 10 minutes") }
    }
    figures.listed = MonotonicClock.now - begin
  }

  private func look(_ daemon: BenchmarkedDaemon, _ figures: inout QueueFigures) throws {
    let output = daemon.folder.file("status.txt")
    figures.status = Distribution(try (0..<5).map { _ in try daemon.run("status", output: output) })
    figures.statusJSON = Distribution(
      try (0..<5).map { _ in try daemon.run("status", "--json", output: output) })
    let memory = try ProcessMemory(of: daemon.pid)
    // The same where nothing trains.
    try daemon.run("pause", "--all")
    try daemon.wait { (try? daemon.record(Self.long))?.status == .paused }
    figures.statusAlone = Distribution(try (0..<5).map { _ in try daemon.run("status", output: output) })
    figures.statusJSONAlone = Distribution(
      try (0..<5).map { _ in try daemon.run("status", "--json", output: output) })
    try daemon.run("resume", Self.long)
    try daemon.wait { (try? daemon.record(Self.long))?.status == .running }
    try daemon.run("resume", "--all")
    figures.memoryAsked = memory.resident
    figures.memoryPeak = memory.peak
  }

  /// Counts what is missing, and what is there more than once or under another name.
  private func check(
    _ names: [String], _ daemon: BenchmarkedDaemon, _ figures: inout QueueFigures, ended: Bool = false
  ) throws {
    var runs = Dictionary(grouping: try daemon.status(ended: ended), by: \.experiment).mapValues(\.count)
    runs[Self.long] = nil
    figures.lost += names.count { runs[$0] == nil } + daemon.rejected.count
    let wanted = Set(names)
    figures.doubled += runs.count { !wanted.contains($0.key) || $0.value > 1 }
  }

  /// Frees the slot, waits until all have run, and times them by the daemon's log.
  private func runAll(_ names: [String], _ daemon: BenchmarkedDaemon) throws -> QueueFigures.Ended {
    BenchmarkReport.progress("queue: \(names.count) runs")
    let log = try LogFollower(daemon.results.daemonLogFile)
    try daemon.run("cancel", Self.long)
    var times = [try log.line(endingIn: "\(Self.long)/full-seed0: cancelled").time]
    let cpuBefore = MonotonicClock.cpuSeconds(of: daemon.pid)
    for _ in names {
      times.append(
        try log.line { $0.contains(" job-") && $0.hasSuffix("/full-seed0: completed") }.time)
    }
    let cpu = MonotonicClock.cpuSeconds(of: daemon.pid) - cpuBefore
    let tenths = (0..<10).map { tenth in
      let (first, last) = (names.count * tenth / 10, names.count * (tenth + 1) / 10)
      return last > first ? (times[last] - times[first]) / Double(last - first) : 0
    }
    try daemon.waitUntilCompleted(names[names.count - 1])
    let memory = try ProcessMemory(of: daemon.pid).resident
    let output = daemon.folder.file("status.txt")
    let firstStatus = try daemon.run("status", output: output)
    let status = Distribution(try (0..<5).map { _ in try daemon.run("status", output: output) })
    let unfinished = try daemon.status(ended: true).count {
      $0.experiment != Self.long && $0.status != "completed"
    }
    if unfinished > 0 { throw BenchmarkProblem("\(unfinished) runs have not completed") }
    return QueueFigures.Ended(
      tenths: tenths, perJob: (times[names.count] - times[0]) / Double(names.count),
      cpuPerJob: cpu / Double(names.count), firstStatus: firstStatus, status: status, memory: memory,
      memoryAsked: try ProcessMemory(of: daemon.pid).resident)
  }

  // MARK: - The report

  private func report(_ all: [QueueFigures]) {
    let names = all[0].cells.map(\.name)
    let rows = names.indices.map { line in [names[line]] + all.map { $0.cells[line].value } }
    BenchmarkReport(
      name: "queue",
      title: "configs moved into the watched folder at once",
      table: [["configs"] + all.map { String($0.count) }] + rows, promises: promises(all),
      figures: .array(all.map(\.json))
    ).print(asJSON: isJSON)
  }

  private func promises(_ all: [QueueFigures]) -> [Promise] {
    let largest = all.max { $0.count < $1.count }!
    let (lost, doubled) = (all.map(\.lost).reduce(0, +), all.map(\.doubled).reduce(0, +))
    var promises = [
      Promise(
        text: "\(largest.count) accepted within 10 s", measured: "\(largest.listed.digits(2)) s",
        isKept: largest.listed < 10),
      Promise(
        text: "none lost, none twice", measured: "\(lost) lost, \(doubled) twice", isKept: lost + doubled == 0
      ),
      Promise(
        text: "memory grows by less than 50 MiB", measured: "\(largest.memoryGrowth.digits(1)) MiB",
        isKept: largest.memoryGrowth < 50),
      Promise(
        text: "status within 100 ms while nothing trains",
        measured: "\((1000 * largest.statusAlone.median).digits(1)) ms",
        isKept: largest.statusAlone.median < 0.1
      ),
    ]
    let run = all.compactMap { figures in
      figures.ended.map { (count: figures.count, memoryAtStart: figures.memoryAtStart, ended: $0) }
    }
    if let least = run.min(by: { $0.count < $1.count }), let most = run.max(by: { $0.count < $1.count }) {
      if most.count > least.count {
        let ratio = most.ended.perJob / least.ended.perJob
        promises.append(
          Promise(
            text: "a job of \(most.count) costs no more than 1.25 of one of \(least.count)",
            measured: ratio.digits(2), isKept: ratio < 1.25))
      }
      let left = max(most.ended.memory, most.ended.memoryAsked) - most.memoryAtStart
      promises.append(
        Promise(
          text: "\(most.count) that have ended leave less than 30 MiB", measured: "\(left.digits(1)) MiB",
          isKept: left < 30))
      let drift = most.ended.tenths[9] / most.ended.tenths[0]
      promises.append(
        Promise(
          text: "the last tenth of \(most.count) costs no more than 1.25 of the first",
          measured: drift.digits(2), isKept: drift < 1.25))
    }
    return promises
  }
}
