/// Finds what a mistyped word most likely meant.
package enum Nearest {
  /// The name fewest edits away from `word`, the first of equals; nil when none is near enough to be meant.
  package static func name(to word: String, among names: some Sequence<String>) -> String? {
    let typed = folded(word)
    var best: (name: String, distance: Int)?
    for name in names {
      let meant = folded(name)
      let shorter = min(typed.count, meant.count)
      // Where every letter has to change, none was meant.
      let limit = min(max(1, shorter / 3), max(typed.count, meant.count) - 1, (best?.distance ?? .max) - 1)
      if let distance = distance(typed, meant, limit: limit) { best = (name, distance) }
    }
    return best?.name
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

  /// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal string alignment); nil
  /// where they are more than `limit`.
  ///
  /// What is further from the table's diagonal than that is not looked at: words come from outside, and may be long.
  static func distance(_ a: [UInt8], _ b: [UInt8], limit: Int) -> Int? {
    guard limit >= 0, abs(a.count - b.count) <= limit else { return nil }
    let tooFar = limit + 1
    var last = (0...b.count).map { min($0, tooFar) }
    var beforeLast = last
    var row = last
    for i in 0..<a.count {
      let band = max(0, i - limit)..<min(b.count, i + limit + 1)
      row[band.lowerBound] = band.lowerBound == 0 ? min(i + 1, tooFar) : tooFar
      var least = row[band.lowerBound]
      for j in band {
        var cost = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
        row[j + 1] = min(cost, tooFar)
        least = min(least, cost)
      }
      // A swap leads past a row, but never from a place that is nearer than `limit`.
      if least > limit { return nil }
      if band.upperBound < b.count { row[band.upperBound + 1] = tooFar }
      (beforeLast, last, row) = (last, row, beforeLast)
    }
    return last[b.count] <= limit ? last[b.count] : nil
  }
}
