import Experiments
import Synchronization

/// How much of something is there, in a line that is drawn over.
final class ProgressBar: Sendable {
  private struct Seen {
    var name = ""
    var count = 0
    var time = ContinuousClock.now
  }

  private static let width = 20

  /// When the transfer that is shown was first seen.
  private let first = Mutex(Seen())
  private let lastDrawn = Mutex(ContinuousClock.now)

  /// Whether it is time to draw it again.
  var isDue: Bool {
    lastDrawn.withLock { last in
      let now = ContinuousClock.now
      guard now - last >= .milliseconds(200) else { return false }
      last = now
      return true
    }
  }

  func line(_ name: String, _ count: Int, of total: Int, columns: Int) -> String {
    let now = ContinuousClock.now
    let (since, seconds) = first.withLock { first in
      if first.name != name || count < first.count { first = Seen(name: name, count: count, time: now) }
      return (count - first.count, (now - first.time) / .seconds(1))
    }
    let part = total > 0 ? min(1, Double(count) / Double(total)) : 0
    let filled = Int(part * Double(Self.width))
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: Self.width - filled)
    var text = "\(name)  \(bar) \(Int(part * 100))%  \(Summary.size(count)) of \(Summary.size(total))"
    if seconds > 0.5, since > 0 { text += "  \(Summary.size(Int(Double(since) / seconds)))/s" }
    return String(text.prefix(columns))
  }
}
