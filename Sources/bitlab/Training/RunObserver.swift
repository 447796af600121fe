import Experiments

/// Shows people what runs do. Called from the runs' threads.
protocol RunObserver: Sendable {
  /// So many runs are to come in all.
  func expect(_ total: Int)
  /// How far it is, from now on, `progress` knows.
  func began(_ run: PlacedRun, _ progress: LiveProgress)
  /// Steps are not told: there are too many of them.
  func happened(_ event: RunEvent, in run: PlacedRun)
  /// It does not run any more, for now or for good: what becomes of it is said elsewhere.
  func stopped(_ run: PlacedRun)
  /// A run stopped or has ended; `name` is `<experiment>/<run id>`.
  func ended(_ name: String, _ status: RunStatus, problem: String?)
  /// Something to say that is no run's, however quiet the program is to be where it is a problem.
  func say(_ text: String, isProblem: Bool)
  /// All runs have ended.
  func close()
}
