import Dispatch

/// Runs at once, as the daemon has them: each on a thread of its own.
enum BenchThreads {
  /// Calls `body` with 0 to `count - 1`, and returns when all have ended.
  static func run(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let group = DispatchGroup()
    for number in 0..<count {
      DispatchQueue(label: "bitlab.bench.\(number)", qos: .userInitiated).async(group: group) { body(number) }
    }
    group.wait()
  }
}
