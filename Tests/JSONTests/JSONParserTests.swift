import JSON
import Testing

/// The parser against RFC 8259: what it takes, what it keeps, what it refuses and where.
@Suite struct JSONParserTests {
  /// As configs are parsed.
  private static let reporting: JSONSyntax = {
    var syntax = JSONSyntax()
    syntax.duplicateKeys = .reported
    syntax.numbers = .asSpelled
    syntax.encoding = .checkedFirst
    syntax.keepsPositions = true
    return syntax
  }()

  private func parse(_ text: String, as syntax: JSONSyntax = reporting) -> JSONParser.Outcome {
    JSONParser.parse(Array(text.utf8), as: syntax)
  }

  /// The value of a text that has nothing wrong with it, read strictly.
  private func value(_ text: String) -> JSONValue? { parse(text, as: JSONSyntax()).value }

  @Test func everyKeyAndValueKnowsItsPlace() throws {
    let root = try #require(parse("{\n  \"a\": [1, true],\r\n\t\"é😀\": {\"b\" : null}\n}").root)
    let members = try #require(root.members)
    #expect(root.position == TextPosition(line: 1, column: 1))
    #expect(members.map(\.key) == ["a", "é😀"])
    #expect(members.map(\.keyPosition) == [.init(line: 2, column: 3), .init(line: 3, column: 2)])
    let items = try #require(members[0].node.elements)
    #expect(items.map(\.position) == [.init(line: 2, column: 9), .init(line: 2, column: 12)])
    // Two characters of two and four bytes, each one column.
    #expect(members[1].node.position == TextPosition(line: 3, column: 8))
    #expect(members[1].node["b"]?.position == TextPosition(line: 3, column: 15))
  }

  @Test func stringsAreUnescaped() {
    let value = parse(#""a\"\\\/\b\f\n\r\tAé😀é""#).value
    #expect(value == .string("a\"\\/\u{8}\u{C}\n\r\tAé😀é"))
    #expect(parse(#""\u0041\u00e9\ud83d\ude00\uFFFF\u0000""#).value == .string("Aé😀\u{FFFF}\u{0}"))
  }

  @Test(arguments: [
    ("0", 0), ("-0", 0), ("128", 128), ("128.0", 128), ("1.28e2", 128), ("12800e-2", 128),
    ("9007199254740993", 9_007_199_254_740_993), ("9223372036854775807", Int.max),
    ("-9223372036854775808", Int.min), ("9223372036854775808", nil), ("1e16", nil), ("0.5", nil),
  ])
  func wholeNumbersAreExact(text: String, integer: Int?) {
    guard case .numeral(let number) = parse(text).value else {
      Issue.record("\(text) is not a number")
      return
    }
    #expect(number.integer == integer)
    #expect(number.text == text)
    #expect(number.value == Double(text))
  }

  @Test func integersEndWhereAnIntDoes() {
    #expect(
      value(#"{"n":[9223372036854775807,-9223372036854775808,9223372036854775808,-9223372036854775809]}"#)
        == ["n": [.integer(.max), .integer(.min), .number(0x1p63), .number(-0x1p63)]])
    #expect(
      value(#"{"n":[0.5,-1.25E+2,1e-3,100000000000000000000]}"#) == ["n": [0.5, -125.0, 0.001, 1e20]])
  }

  @Test func escapesAndNumbersAreReadAsJSONSaysSo() {
    #expect(
      value(#" { "e" : "\u00e9\ud83d\ude00\/\b\f\"" , "n" : [ 0 , -0, 1e2, 12345678901234567890 ] } "#)
        == [
          "e": "é😀/\u{8}\u{C}\"", "n": [0, 0, 100.0, 12345678901234567890.0],
        ])
  }

  @Test(
    arguments: [
      ("1e999", .numberTooLarge, 0, 5), ("[tru]", .expected(.value), 1, 1),
      ("[1}", .expected(.commaOrBracket), 2, 2),
      (#"{"a":1]"#, .expected(.commaOrBrace), 6, 6), (#"{"a",}"#, .expected(.colon), 4, 4),
      ("{1:2}", .expected(.key), 1, 1), ("-x", .expected(.digit), 1, 1), ("1 2", .expected(.end), 2, 2),
      (#"["ab"#, .expected(.closingQuote), 2, 4), (#""\q""#, .expected(.escape), 2, 2),
      (#""\u00""#, .expected(.hexadecimalDigit), 3, 5), (#""é\udc00x""#, .loneSurrogate(0xDC00), 3, 9),
      ("\"\u{1}\"", .controlCharacter, 1, 1), (#"{"a":1,"a":2}"#, .duplicateKey("a", first: nil), 7, 10),
    ] as [(String, JSONProblem.Kind, Int, Int)])
  func aProblemKnowsItsBytes(_ text: String, _ kind: JSONProblem.Kind, _ start: Int, _ offset: Int) {
    let outcome = parse(text, as: JSONSyntax())
    #expect(outcome.value == nil)
    #expect(outcome.problems.map(\.kind) == [kind])
    #expect(outcome.problems.map(\.start) == [start])
    #expect(outcome.problems.map(\.offset) == [offset])
  }

  /// Few keys are compared with each other, many are in a set.
  @Test(arguments: [2, 31, 32, 33, 34, 1000]) func aKeyThatComesAgainIsFound(_ count: Int) throws {
    let members = (0..<count).map { "\"key \($0)\":\($0)" }
    let object = try #require(value("{" + members.joined(separator: ",") + "}")?.object)
    #expect(object.members.map(\.value) == (0..<count).map { .integer($0) })
    for again in [0, count / 2, count - 1] {
      #expect(value("{" + members.joined(separator: ",") + ",\"key \(again)\":0}") == nil)
    }
  }

  @Test(arguments: [("é", "e\u{301}"), ("K", "\u{212A}"), ("\u{212A}", "K"), (";", "\u{37E}")])
  func keysThatUnicodeHoldsForEqualAreDuplicates(_ first: String, _ second: String) {
    let text = "{\"\(first)\":1,\"x\":2,\"\(second)\":3}"
    #expect(value(text) == nil)
    // Where duplicates are only reported, other bytes are another key.
    #expect(parse(text).problems.isEmpty)
  }

  @Test(
    arguments: [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82]] as [[UInt8]]
  )
  func whatIsNotUTF8IsRefused(_ bytes: [UInt8]) {
    let inString = Array("{\"aé\":\"".utf8) + bytes + Array("\"}".utf8)
    let outside = Array("{\"aé\":".utf8) + bytes + Array("}".utf8)
    for text in [inString, outside] {
      let first = JSONParser.parse(text, as: Self.reporting).problems
      #expect(first.map(\.kind) == [.notUTF8])
      #expect(first.map(\.offset) == [text.firstIndex(of: bytes[0])!])
      #expect(JSONParser.parse(text, as: JSONSyntax()).value == nil)
    }
    let strict = JSONParser.parse(inString, as: JSONSyntax()).problems
    #expect(strict.map(\.kind) == [.notUTF8])
    #expect(strict.map(\.start) == [8])
    #expect(strict.map(\.offset) == [8 + bytes.count])
  }

  @Test(arguments: [1, 2, 64, 500]) func depthAndLengthHaveLimits(_ limit: Int) {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    var syntax = JSONSyntax(maximumDepth: limit)
    #expect(parse(nested(limit), as: syntax).value != nil)
    for depth in [limit + 1, 1_000_000] {
      let problems = parse(nested(depth), as: syntax).problems
      #expect(problems.map(\.kind) == [.tooDeep])
      #expect(problems.map(\.offset) == [limit])
    }
    syntax.maximumBytes = 2 * limit
    #expect(parse(nested(limit), as: syntax).value != nil)
    #expect(parse(nested(limit) + " ", as: syntax).problems.map(\.kind) == [.tooLong])
  }

  @Test func aSubsetHasNothingElse() {
    var syntax = JSONSyntax(maximumDepth: 2)
    syntax.subset = .stringsAndNaturals
    syntax.keepsPositions = true
    let outcome = parse(#"{"a": "b", "c": [ 0 , 12 ]}"#, as: syntax)
    #expect(outcome.value == ["a": "b", "c": [0, 12]])
    #expect(outcome.root?["c"]?.elements?.map(\.position.column) == [19, 23])
    for text in ["1", "null", "[null]", "[-1]", "[01]", "[1.0]", "[\"a\"]", "[[1]]", "[9223372036854775808]"]
    {
      #expect(parse(text, as: syntax).value == nil, "\(text)")
    }
    #expect(parse(#"{"a":{"b":"c"}}"#, as: syntax).problems.map(\.kind) == [.tooDeep])
  }

  @Test func onlyAnObjectMayBeAskedFor() {
    var syntax = JSONSyntax()
    syntax.isObject = true
    #expect(parse(" {} ", as: syntax).value == [:])
    #expect(parse("[]", as: syntax).problems.map(\.kind) == [.expected(.object)])
  }
}
