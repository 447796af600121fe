import Testing

@testable import Scheduler

/// What the protocol makes of JSON: one object a line, and what is wrong in bytes.
struct ControlLineTests {
  private func parse(_ text: String) throws -> ControlMessage { try ControlLine.parse(Array(text.utf8)) }

  @Test func everyKindOfValueComesBackInItsOrder() throws {
    let message: ControlMessage = [
      "z": nil, "a": true, "m": false, "i": -42, "big": .integer(.max), "x": 0.1,
      "tiny": .number(.leastNonzeroMagnitude), "s": "text",
      "list": [1, [], [nil, "a"]], "object": ["b": ["c": [:]], "a": 1], "empty": "",
    ]
    let line = ControlLine.bytes(message)
    #expect(line.last == UInt8(ascii: "\n") && line.dropLast().allSatisfy { $0 >= 0x20 })
    #expect(try ControlLine.parse(Array(line.dropLast())) == message)
  }

  @Test func theEncodingIsTheOneDocumented() {
    let message: ControlMessage = [
      "a\"b": "\\ \n\t\r\u{1}\u{1F} é/", "n": .number(.infinity), "d": 1.0, "l": [1, true],
    ]
    let text = #"{"a\"b":"\\ \n\t\r\u0001\u001f é/","n":null,"d":1.0,"l":[1,true]}"#
    #expect(String(decoding: ControlLine.bytes(message), as: UTF8.self) == text + "\n")
  }

  @Test(arguments: [
    "", " ", "[]", "1", "{", "}", "{}}", "{} {}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{a:1}",
    "{'a':1}",
    "{\"a\":1 \"b\":2}", "{\"a\":[1,]}", "{\"a\":[1 2]}", "{\"a\":[}", "{\"a\":01}", "{\"a\":+1}",
    "{\"a\":1.}",
    "{\"a\":.5}", "{\"a\":1e}", "{\"a\":-}", "{\"a\":1e999}", "{\"a\":NaN}", "{\"a\":tru}", "{\"a\":nulll}",
    "{\"a\":\"}", "{\"a\":\"\t\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\ud800\"}",
    "{\"a\":\"\\udc00\"}", "{\"a\":\"\\ud800\\u0041\"}", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}",
    "\u{FEFF}{}", "{\"a\":1}//",
  ])
  func whatIsNotOneObjectIsRefused(_ text: String) {
    #expect(throws: ControlLine.Problem.self) { try parse(text) }
  }

  @Test func nestingIsBounded() throws {
    func nested(_ depth: Int) -> String {
      #"{"a":"# + String(repeating: "[", count: depth - 1) + String(repeating: "]", count: depth - 1) + "}"
    }
    #expect(throws: Never.self) { try parse(nested(ControlLine.syntax.maximumDepth)) }
    #expect(throws: ControlLine.Problem.self) { try parse(nested(ControlLine.syntax.maximumDepth + 1)) }
    #expect(throws: ControlLine.Problem.self) { try parse(nested(1_000_000)) }
  }

  @Test(arguments: [
    (#"{"verb": x}"#, "byte 10: found 'x', expected a JSON value"),
    ("", "byte 1: found the end of the line, expected a JSON object"),
    ("[]", "byte 1: found '[', expected a JSON object"),
    ("\u{FEFF}{}", "byte 1: found the byte 0xef, expected a JSON object"),
    (#"{"a":1}}"#, "byte 8: found '}', expected the end of the line"),
    (#"{"a":1 "b":2}"#, "byte 8: found '\"', expected ',' or '}'"),
    (#"{"a":[1;2]}"#, "byte 8: found ';', expected ',' or ']'"),
    (#"{"a":01}"#, "byte 7: found '1', expected ',' or '}'"),
    (#"{"a" 1}"#, "byte 6: found '1', expected ':'"),
    (#"{a:1}"#, "byte 2: found 'a', expected a key in double quotes"),
    (#"{"a":-}"#, "byte 7: found '}', expected a digit"),
    (#"{"a":1e999}"#, "byte 6: found a number that no double can hold"),
    (#"{"a":"x"#, "byte 8: found the end of the line, expected a closing quote"),
    ("{\"a\":\"\t\"}", "byte 7: found the byte 0x9, expected its escape or a closing quote"),
    (#"{"a":"\x"}"#, "byte 8: found 'x', expected one of \" \\ / b f n r t u after a backslash"),
    (#"{"a":"\u12x4"}"#, "byte 11: found 'x', expected four hexadecimal digits after \\u"),
    (#"{"a":"\ud800"}"#, "byte 13: found a lone surrogate, expected a pair of them"),
    (#"{"a":1,"b":2,"a":3}"#, "byte 14: found a key for the second time"),
  ])
  func aProblemSaysWhereAndWhat(_ text: String, _ problem: String) {
    #expect {
      try parse(text)
    } throws: {
      "\($0)" == problem
    }
  }

  @Test func whatIsNotUTF8IsToldOfTheStringItIsIn() {
    #expect {
      try ControlLine.parse(Array("{\"a\":\"xy".utf8) + [0xFF] + Array("\"}".utf8))
    } throws: {
      "\($0)" == "byte 7: found a text that is not valid UTF-8"
    }
  }
}
