/// Writes messages as lines of JSON.
enum ControlEncoder {
  /// The message on one line, line feed included.
  static func line(_ message: ControlMessage) -> [UInt8] {
    var bytes: [UInt8] = []
    // A guess that spares most messages their array's growth.
    bytes.reserveCapacity(32 * message.members.count)
    append(message, to: &bytes)
    bytes.append(UInt8(ascii: "\n"))
    return bytes
  }

  private static func append(_ message: ControlMessage, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "{"))
    var isFirst = true
    for member in message.members {
      if !isFirst { bytes.append(UInt8(ascii: ",")) }
      isFirst = false
      append(member.key, to: &bytes)
      bytes.append(UInt8(ascii: ":"))
      append(member.value, to: &bytes)
    }
    bytes.append(UInt8(ascii: "}"))
  }

  private static func append(_ value: ControlValue, to bytes: inout [UInt8]) {
    switch value {
    case .null: append(word: "null", to: &bytes)
    case .bool(let value): append(word: value ? "true" : "false", to: &bytes)
    case .integer(let value): append(digits: value.description, to: &bytes)
    case .number(let value): append(digits: value.isFinite ? value.description : "null", to: &bytes)
    case .string(let text): append(text, to: &bytes)
    case .object(let message): append(message, to: &bytes)
    case .array(let elements):
      bytes.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        append(element, to: &bytes)
      }
      bytes.append(UInt8(ascii: "]"))
    }
  }

  private static func append(word: StaticString, to bytes: inout [UInt8]) {
    word.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  private static func append(digits: String, to bytes: inout [UInt8]) {
    var digits = digits
    digits.withUTF8 { bytes.append(contentsOf: $0) }
  }

  private static func append(_ text: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    var text = text
    text.withUTF8 { utf8 in
      var start = 0
      while true {
        let end = utf8.endOfPlainText(from: start)
        bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start..<end]))
        if end == utf8.count { return }
        appendEscape(utf8[end], to: &bytes)
        start = end + 1
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private static func appendEscape(_ byte: UInt8, to bytes: inout [UInt8]) {
    switch byte {
    case UInt8(ascii: "\""): append(word: "\\\"", to: &bytes)
    case UInt8(ascii: "\\"): append(word: "\\\\", to: &bytes)
    case UInt8(ascii: "\n"): append(word: "\\n", to: &bytes)
    case UInt8(ascii: "\r"): append(word: "\\r", to: &bytes)
    case UInt8(ascii: "\t"): append(word: "\\t", to: &bytes)
    default: append(digits: (byte < 0x10 ? "\\u000" : "\\u00") + String(byte, radix: 16), to: &bytes)
    }
  }
}
