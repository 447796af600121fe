import Dispatch

/// Seconds between two moments, by a clock that nobody sets.
struct Stopwatch {
  private var last = DispatchTime.now().uptimeNanoseconds

  /// Seconds since the last call, or since the beginning.
  @discardableResult
  mutating func restart() -> Double {
    let now = DispatchTime.now().uptimeNanoseconds
    defer { last = now }
    return Double(now - last) * 1e-9
  }
}
