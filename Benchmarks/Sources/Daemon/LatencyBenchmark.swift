import Experiments
import Files
import Foundation
import JSON

/// Times how long a config waits for its run's first sign of life, with a core free and the data loaded.
struct LatencyBenchmark {
  static let options = BenchmarkedDaemon.Settings.options.union(["--rounds", "--json"])

  /// Seconds from the moment that the config was handed over.
  private struct Signs {
    /// The experiment's folder: the config has been accepted and its run begins.
    var folder = 0.0
    /// `run.json`, which says `running`.
    var record = 0.0
    /// A row of `steps.csv`: the first training step is done.
    var step = 0.0
    /// The client's own process; 0 where there is none.
    var client = 0.0
  }

  private let settings: BenchmarkedDaemon.Settings
  private let rounds: Int
  private let isJSON: Bool

  init(_ options: CommandOptions) throws {
    settings = try BenchmarkedDaemon.Settings(options)
    rounds = try options.value("--rounds", 30, CommandOptions.count)
    isJSON = options.has("--json")
  }

  func run() throws {
    let daemon = try BenchmarkedDaemon(settings, jobs: 1)
    for round in 0...rounds {
      for way in ["moved", "submitted"] {
        try daemon.prepare(DigitsConfig.tiny("\(way)-\(round)", logEverySteps: 1), as: "\(way)-\(round).json")
      }
    }
    daemon.settle()
    var moved: [Signs] = []
    var submitted: [Signs] = []
    for round in 0...rounds {
      moved.append(try measure(daemon, "moved-\(round)", isSubmitted: false))
      submitted.append(try measure(daemon, "submitted-\(round)", isSubmitted: true))
    }
    try daemon.stop()
    // The first round loads the data.
    report(moved: Array(moved.dropFirst()), submitted: Array(submitted.dropFirst()))
  }

  private func measure(_ daemon: BenchmarkedDaemon, _ name: String, isSubmitted: Bool) throws -> Signs {
    let folder = daemon.results.experiment(name)
    let run = folder.run("full-seed0")
    var signs = Signs()
    var client: ChildProcess?
    let begin = MonotonicClock.now
    if isSubmitted {
      client = try daemon.start(["submit", FilePath.join(daemon.preparedFolder, name + ".json")])
    } else {
      try daemon.drop(name + ".json")
    }
    try daemon.wait(patience: 30, every: 100) {
      let now = MonotonicClock.now - begin
      if signs.folder == 0, access(folder.path, F_OK) == 0 { signs.folder = now }
      if signs.record == 0, access(run.recordFile, F_OK) == 0 { signs.record = now }
      if signs.step == 0, Self.hasRow(run.stepsFile) { signs.step = now }
      if signs.client == 0, client?.isRunning == false { signs.client = now }
      return signs.record > 0 && signs.step > 0 && (client == nil || signs.client > 0)
    }
    if let code = client?.exitCode, code != 0 { throw BenchmarkProblem("submit ended with code \(code)") }
    try daemon.waitUntilCompleted(name)
    // The summary is written after the run's end: the next round must find the disk idle.
    usleep(250_000)
    return signs
  }

  /// Whether the file has more than its header.
  private static func hasRow(_ path: String) -> Bool {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return false }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 10)
    let count = read(file, &bytes, bytes.count)
    return bytes.prefix(max(0, count)).count { $0 == UInt8(ascii: "\n") } > 1
  }

  private func report(moved: [Signs], submitted: [Signs]) {
    func milliseconds(_ signs: [Signs], _ value: (Signs) -> Double) -> Distribution {
      Distribution(signs.map { 1000 * value($0) })
    }
    let figures = [
      ("moved, until the folder is there", "moved_folder_ms", milliseconds(moved, \.folder)),
      ("moved, until run.json is there", "moved_record_ms", milliseconds(moved, \.record)),
      ("moved, until the first step's row", "moved_step_ms", milliseconds(moved, \.step)),
      ("submit, until the folder is there", "submit_folder_ms", milliseconds(submitted, \.folder)),
      ("submit, until run.json is there", "submit_record_ms", milliseconds(submitted, \.record)),
      ("submit, until the first step's row", "submit_step_ms", milliseconds(submitted, \.step)),
      ("submit, until the client ends", "submit_client_ms", milliseconds(submitted, \.client)),
    ]
    let promises = [(0, "a moved config"), (1, "a submitted one")].map { index, what in
      let record = figures[3 * index + 1].2
      return Promise(
        text: "\(what) begins within 50 ms (90th percentile, run.json)",
        measured: "\(record.percentile(90).digits(1)) ms", isKept: record.percentile(90) < 50)
    }
    BenchmarkReport(
      name: "latency",
      title: "from a config to its run, \(rounds) rounds, in ms",
      table: [["", "median", "90th", "worst"]]
        + figures.map {
          [$0.0, $0.2.median.digits(1), $0.2.percentile(90).digits(1), $0.2.worst.digits(1)]
        },
      promises: promises,
      figures: .object(
        JSONObject(
          [.init("rounds", .integer(rounds))]
            + figures.map { figure in
              .init(
                figure.1,
                .object([
                  .init("median", .number(figure.2.median)), .init("p90", .number(figure.2.percentile(90))),
                  .init("worst", .number(figure.2.worst)),
                ]))
            }))
    ).print(asJSON: isJSON)
  }
}
