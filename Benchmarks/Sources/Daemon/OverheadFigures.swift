import Experiments
import JSON
import Networks

/// What `OverheadBenchmark` measures for one experiment and precision.
struct OverheadFigures {
  var experiment: OverheadExperiment
  var precision: WeightPrecision
  var rounds: [(daemon: BareTraining.Result, bare: BareTraining.Result)] = []

  var daemonSeconds: Distribution { Distribution(rounds.map(\.daemon.seconds)) }
  var bareSeconds: Distribution { Distribution(rounds.map(\.bare.seconds)) }
  /// What the daemon takes more, as a part of the bare time, round by round.
  var wall: Distribution { Distribution(rounds.map { $0.daemon.seconds / $0.bare.seconds - 1 }) }
  /// The fastest daemon's round beside the fastest bare one. Another machine's work only ever adds time, so this is the
  /// figure it disturbs least.
  var leastBesideLeast: Double { daemonSeconds.least / bareSeconds.least - 1 }
  var cpu: Distribution { Distribution(rounds.map { $0.daemon.cpuSeconds / $0.bare.cpuSeconds - 1 }) }

  var json: JSONValue {
    func spread(_ values: Distribution) -> JSONValue {
      .object([
        .init("median", .number(values.median)), .init("least", .number(values.least)),
        .init("worst", .number(values.worst)),
      ])
    }
    return .object([
      .init("experiment", .string(experiment.rawValue)), .init("bits", .integer(precision.rawValue)),
      .init("bare_seconds", .number(bareSeconds.median)),
      .init("daemon_seconds", .number(daemonSeconds.median)),
      .init("least_beside_least", .number(leastBesideLeast)), .init("wall_overhead", spread(wall)),
      .init("cpu_overhead", spread(cpu)),
    ])
  }
}
