import Experiments
import Testing

/// The parser against RFC 8259: what it takes, what it refuses, and where it says so.
@Suite struct JSONParserTests {
  private func parse(_ text: String) -> JSONParser.Outcome {
    JSONParser.parse(Array(text.utf8))
  }

  private func errors(_ text: String) -> [String] {
    errors(Array(text.utf8))
  }

  private func errors(_ bytes: [UInt8]) -> [String] {
    JSONParser.parse(bytes).diagnostics.map { "\($0.line):\($0.column): \($0.message)" }
  }

  @Test func everyKeyAndValueKnowsItsPlace() throws {
    let root = try #require(parse("{\n  \"a\": [1, true],\r\n\t\"é😀\": {\"b\" : null}\n}").value)
    guard case .object(let members) = root.content else {
      Issue.record("not an object")
      return
    }
    #expect(root.position == TextPosition(line: 1, column: 1))
    #expect(members.map(\.key) == ["a", "é😀"])
    #expect(members.map(\.keyPosition) == [.init(line: 2, column: 3), .init(line: 3, column: 2)])
    guard case .array(let items) = members[0].value.content else {
      Issue.record("not an array")
      return
    }
    #expect(items.map(\.position) == [.init(line: 2, column: 9), .init(line: 2, column: 12)])
    // Two characters of two and four bytes, each one column.
    #expect(members[1].value.position == TextPosition(line: 3, column: 8))
    #expect(members[1].value["b"]?.position == TextPosition(line: 3, column: 15))
  }

  @Test func stringsAreUnescaped() {
    let value = parse(#""a\"\\\/\b\f\n\r\tAé😀é""#).value
    #expect(value?.content == .string("a\"\\/\u{8}\u{C}\n\r\tAé😀é"))
    #expect(parse(#""\u0041\u00e9\ud83d\ude00\uFFFF\u0000""#).value?.content == .string("Aé😀\u{FFFF}\u{0}"))
  }

  @Test(arguments: [
    ("0", 0), ("-0", 0), ("128", 128), ("128.0", 128), ("1.28e2", 128), ("12800e-2", 128),
    ("9007199254740993", 9_007_199_254_740_993), ("9223372036854775807", Int.max),
    ("-9223372036854775808", Int.min), ("9223372036854775808", nil), ("1e16", nil), ("0.5", nil),
  ])
  func wholeNumbersAreExact(text: String, integer: Int?) {
    guard case .number(let number) = parse(text).value?.content else {
      Issue.record("\(text) is not a number")
      return
    }
    #expect(number.integer == integer)
    #expect(number.text == text)
    #expect(number.value == Double(text))
  }

  @Test(arguments: [
    ("", "1:1: the file is empty, expected a JSON value"),
    (" \n ", "2:2: found the end of the file, expected a JSON value"),
    ("\u{FEFF}{}", "1:1: found a byte order mark, expected a JSON value; save the file without the mark"),
    ("{} x", "1:4: found \"x\", expected the end of the file"),
    ("{\"a\": 1,}", "1:9: found \"}\", expected a key in double quotes"),
    ("[1,]", "1:4: found \"]\", expected a JSON value"),
    ("[1 2]", "1:4: found \"2\", expected \",\" or \"]\""),
    ("{\"a\" 1}", "1:6: found \"1\", expected \":\""),
    ("{\"a\": 1 \"b\": 2}", "1:9: found \"\"\", expected \",\" or \"}\""),
    ("{'a': 1}", "1:2: found \"'\", expected a key in double quotes"),
    ("{\"a\": // no\n1}", "1:7: found \"/\", expected a JSON value"),
    ("[\n  é]", "2:3: found \"é\", expected a JSON value"),
    ("NaN", "1:1: found \"N\", expected a JSON value"),
    ("tru", "1:1: found \"t\", expected a JSON value"),
    ("nulll", "1:5: found \"l\", expected the end of the file"),
    ("+1", "1:1: found \"+\", expected a JSON value"),
    (".5", "1:1: found \".\", expected a JSON value"),
    ("01", "1:2: found \"1\", expected no digit after a leading 0"),
    ("-", "1:2: found the end of the file, expected a digit"),
    ("1.", "1:3: found the end of the file, expected a digit"),
    ("1e+}", "1:4: found \"}\", expected a digit"),
    ("[1e400]", "1:2: found 1e400, expected a number that a double can hold (below 1.8e308)"),
    ("[-1e400]", "1:2: found -1e400, expected a number that a double can hold (below 1.8e308)"),
    ("\"a", "1:3: found the end of the file, expected a closing quote"),
    (
      "\"a\nb\"",
      "1:3: found the control character U+000A in a string, expected its escape or a closing quote"
    ),
    (
      "\"\u{1F}\"",
      "1:2: found the control character U+001F in a string, expected its escape or a closing quote"
    ),
    (#""\x""#, "1:3: found \"x\", expected one of \" \\ / b f n r t u after a backslash"),
    (#""\u12g4""#, "1:6: found \"g\", expected four hexadecimal digits after \\u"),
    (#""\ud800""#, "1:2: found the lone surrogate \\ud800, expected a pair of surrogates"),
    (#""\ud800A""#, "1:2: found the lone surrogate \\ud800, expected a pair of surrogates"),
    (#""\ud800\ud800""#, "1:2: found the lone surrogate \\ud800, expected a pair of surrogates"),
    (#""\udc00""#, "1:2: found the lone surrogate \\udc00, expected a pair of surrogates"),
  ])
  func whatIsNotJSONIsRefusedWhereItBegins(text: String, message: String) {
    #expect(errors(text).map { $0.replacing("\\\"", with: "\"") } == [message])
    #expect(parse(text).value == nil)
  }

  @Test(
    arguments: [
      ([0x22, 0xFF, 0x22], "1:2", "0xff"),
      ([0x22, 0xC3, 0xA9, 0x0A, 0xC3, 0x22], "2:1", "0xc3"),
      // An overlong slash, a surrogate, a code point beyond the last, a cut character.
      ([0x22, 0xC0, 0xAF, 0x22], "1:2", "0xc0"),
      ([0x22, 0xED, 0xA0, 0x80, 0x22], "1:2", "0xed"),
      ([0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], "1:2", "0xf4"),
      ([0x22, 0x61, 0xE2, 0x82], "1:3", "0xe2"),
    ] as [([UInt8], String, String)])
  func invalidUTF8IsFoundAtItsCharacter(bytes: [UInt8], place: String, byte: String) {
    #expect(
      errors(bytes) == [
        "\(place): found the byte \(byte), which is not valid here in UTF-8; save the file as UTF-8"
      ])
  }

  @Test func allDuplicateKeysAreReportedAndTheFirstCounts() {
    let text = "{\"a\": 1, \"b\": {\"c\": 1,\n \"c\": 2}, \"\\u0061\": 3, \"a\": 4}"
    #expect(
      errors(text) == [
        "2:2: duplicate key \"c\"; the first one is at 1:16",
        "2:11: duplicate key \"a\"; the first one is at 1:2",
        "2:24: duplicate key \"a\"; the first one is at 1:2",
      ])
    #expect(parse(text).value?["a"]?.summary == "1")
    // Canonically equivalent, yet other keys.
    #expect(errors("{\"\u{E9}\": 1, \"e\u{301}\": 2}").isEmpty)
  }

  @Test func nestingHasALimit() {
    let limit = JSONParser.maximumDepth
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(errors(nested(limit)).isEmpty)
    let message = "1:129: arrays and objects are nested deeper than 128 levels"
    #expect(errors(nested(limit + 1)) == [message])
    #expect(errors(nested(100_000)) == [message])
    #expect(
      errors(String(repeating: "{\"a\":", count: 100_000)).first?.hasSuffix("deeper than 128 levels") == true)
  }
}
