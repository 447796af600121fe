import Foundation
import JSON
import TestSupport
import Testing

/// Damaged texts in every syntax: no trap, a place inside the text for every problem, and nothing taken that is not JSON.
@Suite struct JSONFuzzTests {
  private static let good = Array(
    #"{"a":[1,-2.5e3,"x\n\u00e9\ud83d\ude00",{"b":null,"c":true}],"é😀":"plain text","d":{"e":["f",[0,12]]}}"#
      .utf8)

  private static let syntaxes: [JSONSyntax] = {
    var reporting = JSONSyntax()
    reporting.duplicateKeys = .reported
    reporting.numbers = .asSpelled
    reporting.encoding = .checkedFirst
    reporting.keepsPositions = true
    var narrow = JSONSyntax(maximumDepth: 3)
    narrow.subset = .stringsAndNaturals
    var object = JSONSyntax(maximumDepth: 64)
    object.isObject = true
    return [reporting, narrow, object]
  }()

  private func check(_ bytes: [UInt8]) {
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for syntax in Self.syntaxes {
      let outcome = JSONParser.parse(bytes, as: syntax)
      #expect(outcome.value != nil || !outcome.problems.isEmpty)
      #expect(outcome.value == nil || outcome.problems.isEmpty || syntax.duplicateKeys == .reported)
      #expect((outcome.root != nil) == (outcome.value != nil && syntax.keepsPositions))
      for problem in outcome.problems {
        #expect(0 <= problem.start && problem.start <= problem.offset && problem.offset <= bytes.count)
        let (line, column) = (problem.position.line, problem.position.column)
        #expect(
          (1...lines.count).contains(line)
            && (1...lines[min(line, lines.count) - 1].count + 1).contains(column))
      }
      guard let value = outcome.value else { continue }
      // Foundation's parser is laxer, so it takes whatever is JSON.
      #expect(throws: Never.self) {
        try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
      }
      // Whatever is taken can be written and read again.
      #expect(JSONParser.parse(Array(value.pretty.utf8), as: syntax).value == value)
    }
  }

  @Test func everyPrefix() {
    for length in Self.good.indices {
      let prefix = Array(Self.good[..<length])
      check(prefix)
      #expect(JSONParser.parse(prefix, as: JSONSyntax()).value == nil, "prefix of \(length) bytes")
    }
  }

  @Test func everyByteChanged() {
    for index in Self.good.indices {
      for byte in [0, 0x0A, 0x22, 0x30, 0x5C, 0x5D, 0x7B, 0x80, 0xFF] as [UInt8] {
        var bytes = Self.good
        bytes[index] = byte
        check(bytes)
      }
      var bytes = Self.good
      bytes.remove(at: index)
      check(bytes)
    }
  }

  @Test func randomBytesAndRandomTokens() {
    var generator = SplitMix64(state: 2)
    let tokens = [
      "{", "}", "[", "]", ",", ":", "\"a\"", "\"b\":", "{\"a\":", "0", "12", "-", "e5", ".", "true", "null",
      "\"",
      "\\u", "\\ud800", "é", " ", "\n",
    ]
    for round in 0..<4000 {
      let length = Int.random(in: 0..<30, using: &generator)
      if round % 4 == 0 {
        check((0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) })
      } else {
        check((0..<length).flatMap { _ in Array(tokens.randomElement(using: &generator)!.utf8) })
      }
    }
  }
}
