/// When an epoch's end is worth saving: at most once in an interval, for small networks have thousands of epochs in a second
/// and a sync takes as long as ten.
struct SavingPace {
  /// In nanoseconds, as all times here.
  private let interval: Int
  private var last: Int?

  /// - Parameter begin: what is done in less than the interval after it needs no saving; nil where the first epoch's end is
  ///   to be saved whenever it comes.
  init(interval: Duration, since begin: Int?) {
    let parts = interval.components
    self.interval = Int(parts.seconds) * 1_000_000_000 + Int(parts.attoseconds / 1_000_000_000)
    last = begin
  }

  /// Whether it is time again; then the next interval begins.
  mutating func isDue(at now: Int) -> Bool {
    if let last, now - last < interval { return false }
    last = now
    return true
  }
}
