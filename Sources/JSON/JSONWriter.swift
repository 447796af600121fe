/// Writes JSON values as bytes.
package struct JSONWriter {
  private let format: JSONFormat
  private var bytes: [UInt8] = []

  private init(_ format: JSONFormat) {
    self.format = format
  }

  /// The object's bytes and after them `end`.
  package static func bytes(
    _ object: JSONObject, as format: JSONFormat = .compact, end: StaticString = ""
  ) -> [UInt8] {
    var writer = JSONWriter(format)
    // A guess that spares most messages their array's growth.
    writer.bytes.reserveCapacity(32 * object.members.count)
    writer.append(object, depth: 0)
    writer.append(word: end)
    return writer.bytes
  }

  fileprivate static func text(_ value: JSONValue, as format: JSONFormat) -> String {
    var writer = JSONWriter(format)
    writer.append(value, depth: 0)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  // MARK: - Values

  /// `depth` counts the arrays and objects around the value.
  private mutating func append(_ value: JSONValue, depth: Int) {
    switch value {
    case .null: append(word: "null")
    case .bool(let value): append(word: value ? "true" : "false")
    case .integer(let value): append(value.description)
    case .number(let value):
      if !value.isFinite {
        append(word: "null")
      } else {
        append(format.shortensNumbers ? value.shortestText : value.description)
      }
    case .numeral(let numeral): append(numeral.text)
    case .string(let text): append(string: text)
    case .object(let object): append(object, depth: depth)
    case .array(let elements):
      append(UInt8(ascii: "["))
      var isFirst = true
      for element in elements {
        separate(isFirst, depth: depth + 1)
        isFirst = false
        append(element, depth: depth + 1)
      }
      if format.isPretty, !isFirst { breakLine(depth: depth) }
      append(UInt8(ascii: "]"))
    }
  }

  private mutating func append(_ object: JSONObject, depth: Int) {
    append(UInt8(ascii: "{"))
    var isFirst = true
    for member in format.sortsKeys ? Self.sorted(object.members) : object.members {
      separate(isFirst, depth: depth + 1)
      isFirst = false
      append(string: member.key)
      append(UInt8(ascii: ":"))
      if format.isPretty { append(UInt8(ascii: " ")) }
      append(member.value, depth: depth + 1)
    }
    if format.isPretty, !isFirst { breakLine(depth: depth) }
    append(UInt8(ascii: "}"))
  }

  /// By bytes: Swift's own order of strings is another one beyond ASCII.
  private static func sorted(_ members: [JSONMember]) -> [JSONMember] {
    members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
  }

  private mutating func separate(_ isFirst: Bool, depth: Int) {
    if !isFirst { append(UInt8(ascii: ",")) }
    if format.isPretty { breakLine(depth: depth) }
  }

  private mutating func breakLine(depth: Int) {
    append(UInt8(ascii: "\n"))
    for _ in 0..<depth { append(word: "  ") }
  }

  // MARK: - Texts

  private mutating func append(_ byte: UInt8) { bytes.append(byte) }

  private mutating func append(word: StaticString) {
    word.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  private mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { bytes.append(contentsOf: $0) }
  }

  private mutating func append(string text: String) {
    append(UInt8(ascii: "\""))
    var text = text
    text.withUTF8 { utf8 in
      var start = 0
      while true {
        let end = utf8.endOfPlainText(from: start)
        bytes.append(contentsOf: UnsafeBufferPointer(rebasing: utf8[start..<end]))
        if end == utf8.count { return }
        append(escapeOf: utf8[end])
        start = end + 1
      }
    }
    append(UInt8(ascii: "\""))
  }

  private mutating func append(escapeOf byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""): append(word: "\\\"")
    case UInt8(ascii: "\\"): append(word: "\\\\")
    case 0x0A where format.escapes != .none: append(word: "\\n")
    case 0x0D where format.escapes != .none: append(word: "\\r")
    case 0x09 where format.escapes != .none: append(word: "\\t")
    case 0x08 where format.escapes == .all: append(word: "\\b")
    case 0x0C where format.escapes == .all: append(word: "\\f")
    default: append((byte < 0x10 ? "\\u000" : "\\u00") + String(byte, radix: 16))
    }
  }
}

extension JSONValue {
  /// Over several lines, without a line feed at the end.
  package var pretty: String { JSONWriter.text(self, as: .pretty) }

  /// In one line.
  package var brief: String { JSONWriter.text(self, as: .brief) }

  /// On one line, the same for the same content, whatever the order of its objects.
  package var canonical: String { JSONWriter.text(self, as: .canonical) }
}

extension JSONObject {
  /// Over several lines, without a line feed at the end.
  package var pretty: String { JSONValue.object(self).pretty }

  /// On one line, the same for the same content, whatever its order.
  package var canonical: String { JSONValue.object(self).canonical }
}
