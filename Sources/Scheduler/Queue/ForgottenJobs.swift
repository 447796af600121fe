/// How many jobs have ended in this process and are forgotten, of each submission and in all.
struct ForgottenJobs {
  private(set) var count = 0
  private var counts: [String: Int] = [:]

  /// A submission's jobs are forgotten; below 0, so many are known again.
  mutating func add(_ count: Int, of submission: String) {
    let before = counts[submission] ?? 0
    let after = max(0, before + count)
    counts[submission] = after == 0 ? nil : after
    self.count += after - before
  }

  /// Nobody counts these any more.
  mutating func remove(_ submission: String) { add(-(counts[submission] ?? 0), of: submission) }
}
