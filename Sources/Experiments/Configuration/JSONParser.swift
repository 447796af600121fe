/// A strict parser of JSON (RFC 8259) that keeps the position of every key and value.
///
/// Nothing beyond the standard is taken: no comments, trailing commas, byte order mark, `NaN`, or lone surrogates.
/// A syntax error ends the parse, duplicate keys do not: they are all reported.
package struct JSONParser {
  /// Arrays and objects inside each other, at most; deeper ones are an error, so that no file exhausts the stack.
  package static let maximumDepth = 128

  package struct Outcome: Sendable, Hashable {
    /// Nil after a syntax error.
    package var value: JSONValue?
    /// The duplicate keys, then the syntax error if there is one.
    package var diagnostics: [Diagnostic]
  }

  var cursor: JSONCursor
  private var diagnostics: [Diagnostic] = []

  private init(_ bytes: [UInt8]) {
    cursor = JSONCursor(bytes)
  }

  package static func parse(_ bytes: [UInt8]) -> Outcome {
    if let problem = encodingProblem(of: bytes) { return Outcome(value: nil, diagnostics: [problem]) }
    var parser = JSONParser(bytes)
    do throws(Diagnostic) {
      let value = try parser.document()
      return Outcome(value: value, diagnostics: parser.diagnostics)
    } catch {
      return Outcome(value: nil, diagnostics: parser.diagnostics + [error])
    }
  }

  private static func encodingProblem(of bytes: [UInt8]) -> Diagnostic? {
    let start = TextPosition(line: 1, column: 1)
    if bytes.isEmpty {
      return Diagnostic(position: start, message: "the file is empty, expected a JSON value")
    }
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      return Diagnostic(
        position: start,
        message: "found a byte order mark, expected a JSON value; save the file without the mark")
    }
    guard let offset = JSONCursor.firstInvalidByte(in: bytes) else { return nil }
    let byte = String(bytes[offset], radix: 16)
    return Diagnostic(
      position: JSONCursor.position(ofByte: offset, in: bytes),
      message: "found the byte 0x\(byte), which is not valid here in UTF-8; save the file as UTF-8")
  }

  private mutating func document() throws(Diagnostic) -> JSONValue {
    cursor.skipWhitespace()
    let value = try value(depth: 0)
    cursor.skipWhitespace()
    guard cursor.next == nil else { throw cursor.unexpected(expected: "the end of the file") }
    return value
  }

  /// `depth` counts the arrays and objects around the value.
  private mutating func value(depth: Int) throws(Diagnostic) -> JSONValue {
    let position = cursor.position
    let content: JSONValue.Content
    switch cursor.next {
    case UInt8(ascii: "{"): content = .object(try object(depth: depth))
    case UInt8(ascii: "["): content = .array(try array(depth: depth))
    case UInt8(ascii: "\""): content = .string(try string())
    case let byte? where byte == UInt8(ascii: "-") || isDigit(byte): content = .number(try number())
    default: content = try literal()
    }
    return JSONValue(content, at: position)
  }

  private mutating func literal() throws(Diagnostic) -> JSONValue.Content {
    if cursor.begins(with: "true") {
      cursor.advance(by: 4)
      return .boolean(true)
    }
    if cursor.begins(with: "false") {
      cursor.advance(by: 5)
      return .boolean(false)
    }
    if cursor.begins(with: "null") {
      cursor.advance(by: 4)
      return .null
    }
    throw cursor.unexpected(expected: "a JSON value")
  }

  private mutating func array(depth: Int) throws(Diagnostic) -> [JSONValue] {
    try open(depth: depth)
    if cursor.take("]") { return [] }
    var elements: [JSONValue] = []
    while true {
      elements.append(try value(depth: depth + 1))
      cursor.skipWhitespace()
      if cursor.take("]") { return elements }
      guard cursor.take(",") else { throw cursor.unexpected(expected: "\",\" or \"]\"") }
      cursor.skipWhitespace()
    }
  }

  private mutating func object(depth: Int) throws(Diagnostic) -> [JSONMember] {
    try open(depth: depth)
    if cursor.take("}") { return [] }
    var members: [JSONMember] = []
    // Keyed by bytes: String's == takes canonically equivalent texts for one, JSON does not.
    var firstPlaces: [[UInt8]: TextPosition] = [:]
    while true {
      let keyPosition = cursor.position
      guard cursor.next == UInt8(ascii: "\"") else {
        throw cursor.unexpected(expected: "a key in double quotes")
      }
      let key = try string()
      if let first = firstPlaces.updateValue(keyPosition, forKey: Array(key.utf8)) {
        firstPlaces[Array(key.utf8)] = first
        diagnostics.append(
          Diagnostic(
            position: keyPosition,
            message: "duplicate key \(key.quoted); the first one is at \(first.line):\(first.column)"))
      }
      cursor.skipWhitespace()
      guard cursor.take(":") else { throw cursor.unexpected(expected: "\":\"") }
      cursor.skipWhitespace()
      members.append(JSONMember(key: key, keyPosition: keyPosition, value: try value(depth: depth + 1)))
      cursor.skipWhitespace()
      if cursor.take("}") { return members }
      guard cursor.take(",") else { throw cursor.unexpected(expected: "\",\" or \"}\"") }
      cursor.skipWhitespace()
    }
  }

  /// Moves past the opening bracket of an array or object, and the space after it.
  private mutating func open(depth: Int) throws(Diagnostic) {
    guard depth < Self.maximumDepth else {
      throw Diagnostic(
        position: cursor.position,
        message: "arrays and objects are nested deeper than \(Self.maximumDepth) levels")
    }
    cursor.advance()
    cursor.skipWhitespace()
  }
}
