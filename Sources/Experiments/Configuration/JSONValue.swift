import Files

/// A JSON value that knows where it stands in its file.
package struct JSONValue: Sendable, Hashable {
  package enum Content: Sendable, Hashable {
    case null
    case boolean(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    /// Members in the order of the file; a key that occurs again is kept, the first one counts.
    case object([JSONMember])
  }

  package var content: Content
  /// Where the value's first character stands.
  package var position: TextPosition

  package init(_ content: Content, at position: TextPosition) {
    self.content = content
    self.position = position
  }

  /// The value of an object's key; nil when it has none or this is no object.
  package subscript(key: String) -> JSONValue? {
    guard case .object(let members) = content else { return nil }
    return members.first { $0.key == key }?.value
  }

  /// What a message says was found: scalars as written, the others by their kind.
  package var summary: String {
    switch content {
    case .null: "null"
    case .boolean(let value): value ? "true" : "false"
    case .number(let number): number.text.shortened
    case .string(let text): text.quoted
    case .array: "an array"
    case .object: "an object"
    }
  }
}

/// A key of an object with its value.
package struct JSONMember: Sendable, Hashable {
  package var key: String
  package var keyPosition: TextPosition
  package var value: JSONValue

  package init(key: String, keyPosition: TextPosition, value: JSONValue) {
    self.key = key
    self.keyPosition = keyPosition
    self.value = value
  }
}

/// A JSON number: its text and what it stands for.
package struct JSONNumber: Sendable, Hashable {
  /// As written in the file.
  package var text: String
  /// The nearest double, always finite.
  package var value: Double
  /// The exact integer where the number is one: `128`, `128.0` and `1.28e2` alike.
  package var integer: Int?

  /// Nil when no finite double is near; `text` must follow JSON's grammar.
  package init?(text: String) {
    guard let value = Double(text), value.isFinite else { return nil }
    self.text = text
    self.value = value
    // Beyond 2^53 a double may stand for several integers: there the digits themselves must say which.
    integer = Int(text) ?? (value.magnitude <= 0x1p53 ? Int(exactly: value) : nil)
  }
}

extension String {
  /// At most 60 characters of the text, for messages.
  var shortened: String {
    unicodeScalars.count <= 60 ? self : String(String.UnicodeScalarView(unicodeScalars.prefix(60))) + "..."
  }

  /// The text in double quotes, shortened, with control characters escaped so that a terminal shows them.
  var quoted: String {
    var result = "\""
    for scalar in shortened.unicodeScalars {
      if scalar == "\"" || scalar == "\\" { result += "\\" }
      result += String(scalar).inMessage()
    }
    return result + "\""
  }
}
