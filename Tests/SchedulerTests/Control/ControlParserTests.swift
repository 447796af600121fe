import Testing

@testable import Scheduler

struct ControlParserTests {
  private func parse(_ text: String) throws -> ControlMessage { try ControlParser.parse(Array(text.utf8)) }

  @Test func everyKindOfValueComesBackInItsOrder() throws {
    let message: ControlMessage = [
      "z": nil, "a": true, "m": false, "i": -42, "big": .integer(.max), "x": 0.1,
      "tiny": .number(.leastNonzeroMagnitude), "s": "text",
      "list": [1, [], [nil, "a"]], "object": ["b": ["c": [:]], "a": 1], "empty": "",
    ]
    let line = ControlEncoder.line(message)
    #expect(line.last == UInt8(ascii: "\n") && line.dropLast().allSatisfy { $0 >= 0x20 })
    #expect(try ControlParser.parse(Array(line.dropLast())) == message)
  }

  @Test func everyCharacterComesBack() throws {
    let values = Array(0..<0x3000) + Array(stride(from: 0x3000, through: 0x10FFFF, by: 97))
    let text = String(String.UnicodeScalarView(values.compactMap { Unicode.Scalar(UInt32($0)) }))
    let message: ControlMessage = ["text": .string(text)]
    let back = try ControlParser.parse(Array(ControlEncoder.line(message).dropLast()))
    #expect(back["text"]?.string.map { Array($0.unicodeScalars) } == Array(text.unicodeScalars))
  }

  /// Strings are scanned in words of eight bytes: what ends a run of plain text may be at any place in one.
  @Test func whateverIsSpecialIsFoundAtEveryPlace() throws {
    for special in ["\"", "\\", "\n", "\u{0}", "\u{1F}", " ", "!", "é", "\u{7F}", "\u{80}", "😀", "[", "]"] {
      for before in 0..<20 {
        for after in [0, 1, 7, 8, 9] {
          let text = String(repeating: "x", count: before) + special + String(repeating: "y", count: after)
          let message: ControlMessage = [text: .string(text), "twice": .string(text + text)]
          let line = ControlEncoder.line(message)
          #expect(line.dropLast().allSatisfy { $0 >= 0x20 })
          #expect(try ControlParser.parse(Array(line.dropLast())) == message)
        }
      }
    }
  }

  @Test(arguments: 0..<20) func whatEndsAStringTooEarlyIsFoundAtEveryPlace(_ before: Int) {
    let plain = String(repeating: "x", count: before)
    for end in ["", "\u{1F}\"}", "\\\"}", "\\q\"}", "\\ud800\"}"] {
      #expect(throws: ControlParser.Problem.self) { try parse("{\"a\":\"" + plain + end) }
    }
    // Bytes that are no UTF-8, with an escape on either side.
    for escape in ["", "\\n", "\\u00e9"] {
      for bytes in [[0xFF], [0xC3], [0xA9], [0xE2, 0x82]] as [[UInt8]] {
        let start = Array(("{\"a\":\"" + plain + escape).utf8)
        #expect(throws: ControlParser.Problem.self) {
          try ControlParser.parse(start + bytes + Array((escape + "\"}").utf8))
        }
      }
    }
  }

  @Test func integersEndWhereAnIntDoes() throws {
    #expect(
      try parse(#"{"n":[9223372036854775807,-9223372036854775808,9223372036854775808,-9223372036854775809]}"#)
        == ["n": [.integer(.max), .integer(.min), .number(0x1p63), .number(-0x1p63)]])
    #expect(
      try parse(#"{"n":[0.5,-1.25E+2,1e-3,100000000000000000000]}"#) == ["n": [0.5, -125.0, 0.001, 1e20]])
  }

  /// Few keys are compared with each other, many are in a set.
  @Test(arguments: [2, 31, 32, 33, 34, 1000]) func aKeyThatComesAgainIsFound(_ count: Int) throws {
    let members = (0..<count).map { "\"key \($0)\":\($0)" }
    let message = try parse("{" + members.joined(separator: ",") + "}")
    #expect(message.members.map(\.value) == (0..<count).map { .integer($0) })
    for again in [0, count / 2, count - 1] {
      #expect(throws: ControlParser.Problem.self) {
        try parse("{" + members.joined(separator: ",") + ",\"key \(again)\":0}")
      }
    }
  }

  @Test(arguments: [("é", "e\u{301}"), ("K", "\u{212A}"), ("\u{212A}", "K"), (";", "\u{37E}")])
  func keysThatUnicodeHoldsForEqualAreDuplicates(_ first: String, _ second: String) {
    #expect(throws: ControlParser.Problem.self) { try parse("{\"\(first)\":1,\"x\":2,\"\(second)\":3}") }
  }

  @Test func garbageIsRefusedAndHarmsNobody() {
    let line = Array(#"{"a":[1,-2.5e3,"x\n\u00e9",{"b":null,"c":true}],"d":"😀 plain text"}"#.utf8)
    for place in line.indices {
      #expect(throws: ControlParser.Problem.self) { try ControlParser.parse(Array(line[..<place])) }
      for byte in [0, 0x22, 0x5C, 0x7B, 0x80, 0xFF] as [UInt8] {
        var damaged = line
        damaged[place] = byte
        // Whatever is still taken can be written and read again.
        guard let message = try? ControlParser.parse(damaged) else { continue }
        #expect((try? ControlParser.parse(Array(ControlEncoder.line(message).dropLast()))) == message)
      }
    }
  }

  @Test func theEncodingIsTheOneDocumented() {
    let message: ControlMessage = [
      "a\"b": "\\ \n\t\r\u{1}\u{1F} é/", "n": .number(.infinity), "d": 1.0, "l": [1, true],
    ]
    let text = #"{"a\"b":"\\ \n\t\r\u0001\u001f é/","n":null,"d":1.0,"l":[1,true]}"#
    #expect(String(decoding: ControlEncoder.line(message), as: UTF8.self) == text + "\n")
  }

  @Test func escapesAndNumbersAreReadAsJSONSaysSo() throws {
    #expect(
      try parse(#" { "e" : "\u00e9\ud83d\ude00\/\b\f\"" , "n" : [ 0 , -0, 1e2, 12345678901234567890 ] } "#)
        == [
          "e": "é😀/\u{8}\u{C}\"", "n": [0, 0, 100.0, 12345678901234567890.0],
        ])
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
    #expect(throws: ControlParser.Problem.self) { try parse(text) }
  }

  @Test(
    arguments: [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82]] as [[UInt8]]
  )
  func whatIsNotUTF8IsRefused(_ bytes: [UInt8]) {
    let line = Array("{\"a\":\"".utf8) + bytes + Array("\"}".utf8)
    #expect(throws: ControlParser.Problem.self) { try ControlParser.parse(line) }
    #expect(throws: ControlParser.Problem.self) {
      try ControlParser.parse(Array("{\"a\":".utf8) + bytes + Array("}".utf8))
    }
  }

  @Test func nestingIsBounded() throws {
    func nested(_ depth: Int) -> String {
      #"{"a":"# + String(repeating: "[", count: depth - 1) + String(repeating: "]", count: depth - 1) + "}"
    }
    #expect(throws: Never.self) { try parse(nested(ControlParser.maximumDepth)) }
    #expect(throws: ControlParser.Problem.self) { try parse(nested(ControlParser.maximumDepth + 1)) }
    #expect(throws: ControlParser.Problem.self) { try parse(nested(1_000_000)) }
  }

  @Test func aProblemSaysWhereAndWhat() {
    #expect {
      try parse(#"{"verb": x}"#)
    } throws: {
      "\($0)" == "byte 10: found 'x', expected a JSON value"
    }
  }

  @Test func membersAreSetReplacedAndRemoved() {
    var message: ControlMessage = ["a": 1, "b": 2]
    message["a"] = 3
    message["c"] = 4
    message["b"] = nil
    #expect(message.members.map(\.key) == ["a", "c"] && message["a"] == 3 && message["b"] == nil)
  }
}
