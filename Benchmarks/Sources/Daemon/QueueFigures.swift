import Experiments
import JSON

/// What `QueueBenchmark` measures for one number of configs.
struct QueueFigures {
  var count: Int

  /// Seconds from the first rename: until the last, until the folder is empty, until `status` has named every run, until
  /// a watcher has counted them.
  var moved = 0.0
  var emptied = 0.0
  var listed = 0.0
  var watched: Double?
  var lost = 0
  var doubled = 0

  /// MiB: of the idle daemon, which has trained nothing; before, while the long run trains; with the folder empty, and after
  /// all calls of `status`; the peak by then.
  var memoryAtStart = 0.0
  var memoryBefore = 0.0
  var memoryAccepted = 0.0
  var memoryAsked = 0.0
  var memoryPeak = 0.0

  /// Seconds of the client's process while all wait and one run trains on all cores.
  var status = Distribution([0])
  var statusJSON = Distribution([0])
  /// The same while nothing trains.
  var statusAlone = Distribution([0])
  var statusJSONAlone = Distribution([0])

  /// What is known once all runs have ended.
  struct Ended {
    /// Seconds a job, in order, a tenth of the jobs each.
    var tenths: [Double]
    var perJob: Double
    /// CPU seconds of the daemon a job.
    var cpuPerJob: Double
    /// Seconds of the first `status`, which finds a record to read for each run, and of those after it.
    var firstStatus: Double
    var status: Distribution
    /// MiB: before and after these; without what the long run took.
    var memory: Double
    var memoryAsked: Double
  }

  var ended: Ended?

  var memoryGrowth: Double { max(memoryAccepted, memoryAsked) - memoryBefore }

  /// The lines of the table, the same for every count.
  var cells: [(name: String, value: String)] {
    func milliseconds(_ seconds: Double?) -> String { seconds.map { (1000 * $0).digits(1) } ?? "-" }
    let tenths = (0..<10).map { ended?.tenths[$0] }
    return [
      ("all moved, s", moved.digits(2)), ("folder empty, s", emptied.digits(2)),
      ("all in status, s", listed.digits(2)), ("all seen by watch, s", watched?.digits(2) ?? "-"),
      ("lost", String(lost)), ("twice", String(doubled)),
      ("memory at the start, MiB", memoryAtStart.digits(1)),
      ("memory before, MiB", memoryBefore.digits(1)), ("memory, all accepted", memoryAccepted.digits(1)),
      ("memory, after status", memoryAsked.digits(1)), ("memory, peak", memoryPeak.digits(1)),
      ("status, cores busy, ms", milliseconds(status.median)),
      ("status --json, cores busy, ms", milliseconds(statusJSON.median)),
      ("status, ms", milliseconds(statusAlone.median)),
      ("status --json, ms", milliseconds(statusJSONAlone.median)),
      ("a job, ms", milliseconds(ended?.perJob)), ("a job, CPU ms", milliseconds(ended?.cpuPerJob)),
    ]
      + tenths.enumerated().map { ("a job of tenth \($0 + 1), ms", milliseconds($1)) }
      + [
        ("first status, all ended, ms", milliseconds(ended?.firstStatus)),
        ("status, all ended, ms", milliseconds(ended?.status.median)),
        ("memory, all ended", ended?.memory.digits(1) ?? "-"),
        ("memory, all ended, after status", ended?.memoryAsked.digits(1) ?? "-"),
      ]
  }

  var json: JSONValue {
    .object([
      .init("configs", .integer(count)), .init("moved_seconds", .number(moved)),
      .init("emptied_seconds", .number(emptied)), .init("listed_seconds", .number(listed)),
      .init("watched_seconds", .init(watched)), .init("lost", .integer(lost)),
      .init("doubled", .integer(doubled)), .init("memory_at_start_mib", .number(memoryAtStart)),
      .init("memory_before_mib", .number(memoryBefore)),
      .init("memory_accepted_mib", .number(memoryAccepted)), .init("memory_asked_mib", .number(memoryAsked)),
      .init("memory_peak_mib", .number(memoryPeak)), .init("busy_status_seconds", .number(status.median)),
      .init("busy_status_json_seconds", .number(statusJSON.median)),
      .init("status_seconds", .number(statusAlone.median)),
      .init("status_json_seconds", .number(statusJSONAlone.median)),
      .init("seconds_per_job", .init(ended?.perJob)),
      .init("cpu_seconds_per_job", .init(ended?.cpuPerJob)),
      .init("seconds_per_job_by_tenth", ended.map { .array($0.tenths.map(JSONValue.number)) } ?? .null),
      .init("ended_first_status_seconds", .init(ended?.firstStatus)),
      .init("ended_status_seconds", .init(ended?.status.median)),
      .init("ended_memory_mib", .init(ended?.memory)),
      .init("ended_memory_asked_mib", .init(ended?.memoryAsked)),
    ])
  }
}
