import TestSupport
import Testing

@testable import Experiments

struct NearestTests {
  /// The whole table, row by row.
  private func reference(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var table = (0...a.count).map { i in (0...b.count).map { j in i == 0 ? j : j == 0 ? i : 0 } }
    for i in 1..<(a.count + 1) {
      for j in 1..<(b.count + 1) {
        table[i][j] = min(
          table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
          table[i][j] = min(table[i][j], table[i - 2][j - 2] + 1)
        }
      }
    }
    return table[a.count][b.count]
  }

  /// Of words over two letters, so that much is alike.
  @Test func theDistanceIsThatOfTheWholeTableUpToTheLimit() {
    var generator = SplitMix64(state: 7)
    for _ in 0..<20_000 {
      let (a, b) = (
        (0..<Int.random(in: 0...9, using: &generator)).map { _ in UInt8.random(in: 0...1, using: &generator)
        },
        (0..<Int.random(in: 0...9, using: &generator)).map { _ in UInt8.random(in: 0...1, using: &generator) }
      )
      let limit = Int.random(in: 0...9, using: &generator)
      let expected = reference(a, b)
      #expect(
        Nearest.distance(a, b, limit: limit) == (expected <= limit ? expected : nil), "\(a) \(b) \(limit)")
    }
  }

  @Test func whatWasMeantIsFound() {
    let names = ["batch_size", "epochs", "learning_rate", "max_steps", "epoch"]
    #expect(Nearest.name(to: "epohcs", among: names) == "epochs")
    for word in ["", "/", "x", "xy"] { #expect(Nearest.name(to: word, among: ["g", "a"]) == nil, "\(word)") }
    #expect(Nearest.name(to: "epoch", among: names) == "epoch")
    #expect(Nearest.name(to: "Learning-Rates", among: names) == "learning_rate")
    #expect(Nearest.name(to: "momentum", among: names) == nil && Nearest.name(to: "", among: names) == nil)
    #expect(Nearest.name(to: "ab", among: ["ac", "ad"]) == "ac")
    #expect(Nearest.name(to: "x", among: [] as [String]) == nil)
  }
}
