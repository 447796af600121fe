/// A curve in a line of text: the larger a value, the higher its block.
enum Sparkline {
  private static let blocks = Array("▁▂▃▄▅▆▇█")

  /// Of values that are many, the means of neighbours; of one that is not finite, a gap.
  static func text(_ values: [Double], width: Int) -> String {
    guard !values.isEmpty, width > 0 else { return "" }
    let count = min(width, values.count)
    let means = (0..<count).map { place in
      let part = values[place * values.count / count..<(place + 1) * values.count / count]
      return part.reduce(0, +) / Double(part.count)
    }
    let finite = means.filter(\.isFinite)
    guard let least = finite.min(), let most = finite.max() else {
      return String(repeating: " ", count: count)
    }
    return String(
      means.map { mean in
        guard mean.isFinite else { return " " }
        guard most > least else { return blocks[0] }
        return blocks[Int(((mean - least) / (most - least) * Double(blocks.count - 1)).rounded())]
      })
  }
}
