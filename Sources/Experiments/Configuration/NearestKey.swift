/// Finds what a mistyped key most likely meant.
enum NearestKey {
  /// The candidate fewest edits away from `text`, the first of equals; nil when none is near enough to be meant.
  static func suggestion(for text: String, among candidates: [String]) -> String? {
    let typed = folded(text)
    guard typed.count <= 64 else { return nil }
    var best: (candidate: String, distance: Int)?
    for candidate in candidates {
      let target = folded(candidate)
      let limit = max(1, min(typed.count, target.count) / 3)
      guard abs(typed.count - target.count) <= limit else { continue }
      let distance = distance(typed, target)
      if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.candidate
  }

  /// Case and the choice of separator do not count: `Learning-Rate` is `learning_rate`.
  private static func folded(_ text: String) -> [UInt8] {
    text.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte + 32
      case UInt8(ascii: "-"), UInt8(ascii: " "): UInt8(ascii: "_")
      default: byte
      }
    }
  }

  /// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal string alignment).
  static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in 0..<a.count {
      var row = [i + 1]
      for j in 0..<b.count {
        var cost = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
        row.append(cost)
      }
      (beforeLast, last) = (last, row)
    }
    return last[b.count]
  }
}
