import Experiments
import JSON
import Testing

/// What is wrong with a config as JSON, in words, and where.
@Suite struct ConfigurationTextTests {
  private func parse(_ text: String) -> ConfigurationText {
    ConfigurationText(parsing: Array(text.utf8))
  }

  private func errors(_ text: String) -> [String] {
    errors(Array(text.utf8))
  }

  private func errors(_ bytes: [UInt8]) -> [String] {
    ConfigurationText(parsing: bytes).diagnostics.map { "\($0.line):\($0.column): \($0.message)" }
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
    #expect(parse(text).root == nil)
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
    #expect(parse(text).root?["a"]?.value.summary == "1")
    // Canonically equivalent, yet other keys.
    #expect(errors("{\"\u{E9}\": 1, \"e\u{301}\": 2}").isEmpty)
  }

  @Test func nestingHasALimit() {
    let limit = 128
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
