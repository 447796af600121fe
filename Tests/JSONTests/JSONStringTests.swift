import JSON
import Testing

/// Strings, there and back: they are scanned in words of eight bytes, so that what ends a run of plain text is tried at
/// every place of one.
@Suite struct JSONStringTests {
  private func parse(_ bytes: [UInt8]) -> JSONObject? {
    JSONParser.parse(bytes, as: JSONSyntax()).value?.object
  }

  @Test func everyCharacterComesBack() {
    let values = Array(0..<0x3000) + Array(stride(from: 0x3000, through: 0x10FFFF, by: 97))
    let text = String(String.UnicodeScalarView(values.compactMap { Unicode.Scalar(UInt32($0)) }))
    let object: JSONObject = ["text": .string(text)]
    for format in [.compact, .pretty, .canonical, .brief] as [JSONFormat] {
      let back = parse(JSONWriter.bytes(object, as: format))
      #expect(back?["text"]?.string.map { Array($0.unicodeScalars) } == Array(text.unicodeScalars))
    }
  }

  @Test func whateverIsSpecialIsFoundAtEveryPlace() {
    for special in ["\"", "\\", "\n", "\u{0}", "\u{1F}", " ", "!", "é", "\u{7F}", "\u{80}", "😀", "[", "]"] {
      for before in 0..<20 {
        for after in [0, 1, 7, 8, 9] {
          let text = String(repeating: "x", count: before) + special + String(repeating: "y", count: after)
          let object: JSONObject = [text: .string(text), "twice": .string(text + text)]
          let bytes = JSONWriter.bytes(object)
          #expect(bytes.allSatisfy { $0 >= 0x20 })
          #expect(parse(bytes) == object)
        }
      }
    }
  }

  @Test(arguments: 0..<20) func whatEndsAStringTooEarlyIsFoundAtEveryPlace(_ before: Int) {
    let plain = String(repeating: "x", count: before)
    for end in ["", "\u{1F}\"}", "\\\"}", "\\q\"}", "\\ud800\"}"] {
      #expect(parse(Array(("{\"a\":\"" + plain + end).utf8)) == nil)
    }
    // Bytes that are no UTF-8, with an escape on either side.
    for escape in ["", "\\n", "\\u00e9"] {
      for bytes in [[0xFF], [0xC3], [0xA9], [0xE2, 0x82]] as [[UInt8]] {
        let start = Array(("{\"a\":\"" + plain + escape).utf8)
        #expect(parse(start + bytes + Array((escape + "\"}").utf8)) == nil)
      }
    }
  }
}
