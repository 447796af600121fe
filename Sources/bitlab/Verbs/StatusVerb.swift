import Experiments
import Files
import Scheduler

/// `bitlab status [RUN or EXPERIMENT...]`: the runs that have not ended, why they wait, and the newest that have ended;
/// without a daemon, and with `--ended` every one that has, from the files.
struct StatusVerb {
  static let verb = Verb(
    "status", "list runs, and why they wait", .targets,
    options: [
      Option("running", insertingInto: \.listed, .running, "the runs that train now, and no other"),
      Option("queued", insertingInto: \.listed, .queued, "those that wait or are paused"),
      .failed,
      Option("ended", insertingInto: \.listed, .ended, "every one that has ended"), .results,
    ],
    details: """
      Asks the daemon, or without one, or where it is another user's, reads the files. What runs comes first, then what waits in the order of its turns, then what has ended, the newest first. Of the runs that have ended it lists the newest 20; --ended and --failed list all from the files, and a name or pattern all runs that it means.
      """
  ) { try StatusVerb(arguments: $0, console: $1).run() }

  let arguments: Arguments
  let console: Console

  /// Which runs are listed.
  enum Kind: Sendable, CaseIterable {
    case running, queued, failed, ended

    func includes(_ status: RunStatus) -> Bool {
      switch self {
      case .running: status == .running
      case .queued: !status.hasEnded && status != .running
      case .failed: status.hasFailed
      case .ended: status.hasEnded
      }
    }
  }

  /// Whether of those that have ended the newest alone are listed.
  private var isShort: Bool { kinds.isEmpty && arguments.operands.isEmpty }

  /// None for what is under way and the newest that have ended.
  private var kinds: Set<Kind> { arguments.listed.union(arguments.failed ? [.failed] : []) }

  func run() throws -> Int32 {
    let results = ResultsFolder(arguments.results)
    let kinds = self.kinds
    let files = StatusFromFiles(results: results, files: POSIXFileSystem())
    guard ForeignFolder(results) == nil, let client = try DaemonClient.connect(results) else {
      show(try entries(files, kinds), nil, files.source)
      return ExitCode.done
    }
    let source = client.serverPID.map { "the daemon is process \($0)" } ?? "the daemon answers"
    let request: ControlMessage = [
      "verb": "status", "targets": .array(arguments.operands.map { .string($0) }),
      "brief": .bool(!arguments.json),
    ]
    // The daemon has forgotten most of what has ended.
    let ended = kinds.intersection([.failed, .ended])
    let past = ended.isEmpty ? [] : try entries(files, ended)
    let isAnswered = kinds.isEmpty || ended != kinds
    if arguments.json {
      // There may be thousands, which need not be taken apart.
      let runs =
        kinds.isEmpty
        ? try client.texts(answering: request)
        : try isAnswered
          ? client.request(request).filter {
            isListed($0["status"]?.string.flatMap(RunStatus.init(rawValue:)), kinds.subtracting(ended))
          }.map(\.text) : []
      showJSON(runs + past.map(\.message.text), pid: client.serverPID)
    } else {
      let runs =
        isAnswered
        ? StatusRow.rows(in: try client.request(request)).filter {
          isListed($0.status, kinds.subtracting(ended))
        } : []
      showTable(runs + past.map { StatusRow($0) }, isAnswered ? source : "what has ended, from the files")
    }
    return ExitCode.done
  }

  /// Whether a run of that status is listed; each is where no kind was asked for.
  private func isListed(_ status: RunStatus?, _ kinds: Set<Kind>) -> Bool {
    guard !self.kinds.isEmpty, let status else { return self.kinds.isEmpty }
    return kinds.contains { $0.includes(status) }
  }

  private func show(_ entries: [StatusEntry], _ pid: Int?, _ source: String) {
    if arguments.json {
      showJSON(entries.map(\.message.text), pid: pid)
    } else {
      showTable(entries.map { StatusRow($0) }, source)
    }
  }

  /// What the files know of the runs that are listed.
  private func entries(_ files: StatusFromFiles, _ kinds: Set<Kind>) throws -> [StatusEntry] {
    let all = try files.entries(sayProblem: console.error)
    let meant = try Targets(arguments.operands).chosen(of: all) { ($0.record.experiment, $0.record.run) }
    let byTime = !kinds.isEmpty || arguments.operands.isEmpty
    let listed = Self.inOrder(meant.filter { isListed($0.record.status, kinds) }, byTime: byTime)
    return isShort ? Self.withNewestEnds(listed) : listed
  }

  /// What runs first, then what waits, then what has ended, where time counts the newest first.
  private static func inOrder(_ entries: [StatusEntry], byTime: Bool) -> [StatusEntry] {
    func rank(_ status: RunStatus) -> Int { status == .running ? 0 : status.hasEnded ? 2 : 1 }
    func newest(_ record: RunRecord) -> String {
      (record.status.hasEnded ? record.ended : record.status == .running ? record.started : nil) ?? ""
    }
    let keys = entries.map { (rank: rank($0.record.status), time: byTime ? newest($0.record) : "") }
    let order = keys.indices.sorted { a, b in
      (keys[a].rank, keys[b].time, a) < (keys[b].rank, keys[a].time, b)
    }
    return order.map { entries[$0] }
  }

  /// What has not ended, and as many of the newest that have as a daemon remembers.
  private static func withNewestEnds(_ entries: [StatusEntry]) -> [StatusEntry] {
    let firstEnd = entries.firstIndex { $0.record.status.hasEnded } ?? entries.endIndex
    return Array(entries.prefix(firstEnd + QueueState.mostRecentlyEnded))
  }

  /// Each run on a line of its own, as it was sent: there may be thousands.
  private func showJSON(_ runs: [String], pid: Int?) {
    let daemon = pid.map { "{\"pid\": \($0)}" } ?? "null"
    let list = runs.isEmpty ? "[]" : "[\n    " + runs.joined(separator: ",\n    ") + "\n  ]"
    console.result("{\n  \"daemon\": \(daemon),\n  \"runs\": \(list)\n}")
  }

  private func showTable(_ runs: [StatusRow], _ source: String) {
    console.info(source)
    guard !runs.isEmpty else {
      let path = arguments.results
      return console.info(POSIXFileSystem().exists(path) ? "no runs" : "no runs: there is no folder \(path)")
    }
    console.result(StatusTable.text(runs, width: console.columnsOfResults).joined(separator: "\n"))
    let counts = RunStatus.allCases.compactMap { status in
      let count = runs.count { $0.status == status }
      return count > 0 ? "\(count) \(status.rawValue)" : nil
    }
    console.info("\(runs.count) \(runs.count == 1 ? "run" : "runs"): \(counts.joined(separator: ", "))")
    if isShort, runs.count(where: { $0.status.hasEnded }) >= QueueState.mostRecentlyEnded {
      console.info("of those that have ended these are the newest: --ended lists all")
    }
  }
}
