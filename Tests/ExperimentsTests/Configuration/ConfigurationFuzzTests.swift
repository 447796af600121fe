import Experiments
import Foundation
import TestSupport
import Testing

/// Damaged files: no trap, a place inside the file for every complaint, and nothing taken that is not JSON.
@Suite struct ConfigurationFuzzTests {
  private static let good = Array(
    ExperimentText(
      name: #""fuzz-\u00e9""#,
      training: #"{"epochs": 2, "batch_size": 8, "learning_rate": 1.5e-3, "shuffle": false}"#,
      rest: [
        #""seeds": [0, 12]"#, #""grid": {"training.optimizer": ["adam", "sgd"]}"#,
        "\"é😀\": [null, {}, -0.5E+2]",
      ]
    ).text.utf8)

  private func check(_ bytes: [UInt8]) {
    let outcome = ConfigurationText(parsing: bytes)
    #expect(outcome.root != nil || !outcome.diagnostics.isEmpty)
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for diagnostic in outcome.diagnostics {
      #expect((1...lines.count).contains(diagnostic.line))
      guard (1...lines.count).contains(diagnostic.line) else { continue }
      #expect((1...lines[diagnostic.line - 1].count + 1).contains(diagnostic.column))
    }
    if outcome.root != nil {
      // Foundation's parser is laxer, so it takes whatever is JSON.
      #expect(throws: Never.self) {
        try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
      }
    }
    // The whole reader must survive it too; no damage repairs the unknown key.
    #expect(!Experiment.errors(in: bytes).isEmpty)
  }

  @Test func everyPrefix() {
    for length in 0..<Self.good.count - 1 {
      let prefix = Array(Self.good.prefix(length))
      check(prefix)
      // Without the last brace nothing is a document.
      if length < Self.good.count - 2 {
        #expect(ConfigurationText(parsing: prefix).root == nil, "prefix of \(length) bytes")
      }
    }
  }

  @Test func everyByteChanged() {
    for index in Self.good.indices {
      for change: (UInt8) -> UInt8 in [
        { $0 ^ 1 }, { $0 ^ 0x10 }, { $0 ^ 0x80 }, { _ in 0 }, { _ in 0x22 }, { _ in 0x7B },
      ] {
        var bytes = Self.good
        bytes[index] = change(bytes[index])
        check(bytes)
      }
      var bytes = Self.good
      bytes.remove(at: index)
      check(bytes)
    }
  }

  @Test func randomBytesAndRandomTokens() {
    var generator = SplitMix64(state: 1)
    let tokens = [
      "{", "}", "[", "]", ",", ":", "\"a\"", "\"grid\"", "1", "-", "e5", ".", "true", "null", "\\u", " ",
      "\n",
    ]
    for round in 0..<2000 {
      let length = Int.random(in: 0..<40, using: &generator)
      if round % 2 == 0 {
        check((0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) })
      } else {
        check((0..<length).flatMap { _ in Array(tokens.randomElement(using: &generator)!.utf8) })
      }
    }
  }

  /// Any value in any place of a good file: taken or refused, never a trap.
  @Test func everyValueReplaced() throws {
    let good = ExperimentText(
      model: #"{"type": "vit", "width": 8, "layers": 1, "heads": 2, "mlp_width": 8, "patch": 4}"#,
      rest: [#""seeds": [0]"#, #""grid": {"model.patch": [2, 4], "dataset.name": ["mnist"]}"#]
    ).text
    #expect(Experiment.errors(in: good) == "")
    let replacements = [
      "null", "true", "0", "-1", "1.5", "1e300", "9223372036854775807", "\"\"", "\"x\"", "[]", "[[]]", "{}",
      "{\"a\": 0}",
      "[0, 0]", "[9223372036854775807, 2]",
    ]
    let scalars = good.matches(of: /[0-9.]+|"[a-z0-9-]+"(?!:)/).map(\.range)
    let containers = good.matches(of: /\[[^\]]*\]|\{[^{}]*\}/).map(\.range)
    var refused = 0
    for range in scalars + containers {
      for replacement in replacements {
        if !Experiment.errors(in: good.replacingCharacters(in: range, with: replacement)).isEmpty {
          refused += 1
        }
      }
    }
    let all = (scalars.count + containers.count) * replacements.count
    #expect(all > 300)
    #expect(refused > all * 2 / 3)
    #expect(refused < all)
  }
}
