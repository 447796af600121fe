/// Comma-separated values after RFC 4180, with line feeds, as all of BitLab's tables are.
package enum CSV {
  /// What is wrong with a text that should be CSV.
  package struct SyntaxError: Error, Hashable, Sendable {
    /// From 1.
    package let line: Int
    package let problem: String

    package init(line: Int, problem: String) {
      self.line = line
      self.problem = problem
    }
  }

  /// One record with its line feed. Fields with a comma, a quote or a line break are quoted.
  package static func line(_ fields: [String]) -> String {
    fields.map(field).joined(separator: ",") + "\n"
  }

  private static func field(_ text: String) -> String {
    let needsQuotes = text.utf8.contains { byte in
      byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\n")
        || byte == UInt8(ascii: "\r")
    }
    guard needsQuotes else { return text }
    // By scalars: a quote that a combining mark follows is one Character with it.
    var quoted = "\""
    for scalar in text.unicodeScalars {
      if scalar == "\"" { quoted += "\"" }
      quoted.unicodeScalars.append(scalar)
    }
    return quoted + "\""
  }

  /// The records of a text, whose lines end in LF or CRLF; the last end may be missing.
  package static func records(in text: String) throws(SyntaxError) -> [[String]] {
    var records: [[String]] = []
    var record: [String] = []
    var field: [UInt8] = []
    var line = 1
    var bytes = Array(text.utf8)[...]

    func endField() {
      record.append(String(decoding: field, as: UTF8.self))
      field = []
    }
    while !bytes.isEmpty {
      if bytes.first == UInt8(ascii: "\"") {
        let start = line
        bytes.removeFirst()
        while true {
          guard let byte = bytes.popFirst() else {
            throw SyntaxError(line: start, problem: "a quoted field has no end")
          }
          if byte == UInt8(ascii: "\"") {
            guard bytes.first == byte else { break }
            bytes.removeFirst()
          }
          if byte == UInt8(ascii: "\n") { line += 1 }
          field.append(byte)
        }
      } else {
        while let byte = bytes.first, !isEnd(bytes), byte != UInt8(ascii: ",") {
          if byte == UInt8(ascii: "\"") {
            throw SyntaxError(line: line, problem: "a quote inside a field that is not quoted")
          }
          field.append(bytes.removeFirst())
        }
      }
      endField()
      if bytes.first == UInt8(ascii: ",") {
        bytes.removeFirst()
        // A comma at the very end has one more empty field behind it.
        if !bytes.isEmpty { continue }
        endField()
      } else if !isEnd(bytes) {
        throw SyntaxError(line: line, problem: "text after a quoted field")
      }
      if bytes.first == UInt8(ascii: "\r") { bytes.removeFirst() }
      _ = bytes.popFirst()
      line += 1
      records.append(record)
      record = []
    }
    return records
  }

  /// Whether a record ends here: at the end of the text, at LF or at CRLF.
  private static func isEnd(_ bytes: ArraySlice<UInt8>) -> Bool {
    switch bytes.first {
    case nil, UInt8(ascii: "\n"): true
    case UInt8(ascii: "\r"): bytes.dropFirst().first == UInt8(ascii: "\n")
    default: false
    }
  }
}

/// Numbers as cells: the shortest decimal text that reads back the same, `nan`, `inf` and `-inf` spelled so,
/// nothing for a missing one.
package enum CSVNumber {
  package static func text(_ value: Double) -> String { value.isNaN ? "nan" : value.description }
  package static func text(_ value: Float) -> String { value.isNaN ? "nan" : value.description }
  package static func text(_ value: Double?) -> String { value.map(text) ?? "" }
  package static func text(_ value: Int?) -> String { value.map(String.init) ?? "" }
}
