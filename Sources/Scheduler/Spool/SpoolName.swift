/// The name of an entry of the watched folder: bytes, since the system does not promise UTF-8.
package struct SpoolName: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// What a name says about what is to be done with its file.
  package enum Category: Sendable, Hashable {
    /// `*.json`: taken.
    case config
    /// Nothing to do with us: left alone without a word.
    case ignored
    /// Perhaps a mistake: left alone, but mentioned.
    case foreign
  }

  package let bytes: [UInt8]

  package init(bytes: [UInt8]) { self.bytes = bytes }
  package init(_ text: String) { bytes = Array(text.utf8) }

  /// The name as text, where it is valid UTF-8.
  package var text: String? { String(validating: bytes, as: UTF8.self) }

  /// The name with every byte that is not valid UTF-8 as `%` and two hexadecimal digits, and `%` itself as
  /// `%25`, so that different names stay different; a valid name is itself.
  package var escaped: String {
    if let text { return text }
    var result = ""
    var rest = bytes[...]
    while let first = rest.first {
      let length = (1...4).first {
        String(validating: rest.prefix($0), as: UTF8.self)?.unicodeScalars.count == 1
      }
      if let length, first != UInt8(ascii: "%") {
        result += String(decoding: rest.prefix(length), as: UTF8.self)
        rest = rest.dropFirst(length)
      } else {
        result += Self.percent(first)
        rest = rest.dropFirst()
      }
    }
    return result
  }

  /// For messages: one line, whatever the name.
  package var description: String {
    escaped.unicodeScalars.reduce(into: "") { result, scalar in
      let isControl = scalar.value < 0x20 || scalar.value == 0x7F
      result += isControl ? Self.percent(UInt8(scalar.value)) : String(scalar)
    }
  }

  /// Ignored are `rejected`, hidden names (which covers `.goutputstream*`, `.x.swp` and our own `.taken`), and
  /// what editors and downloads write aside: `*~`, `*.tmp`, `*.part`, `*.partial`, `*.swp`, `.goutputstream*`,
  /// `#*#`. Of the others, those that end in `.json` are configs.
  package var category: Category {
    if bytes.first == UInt8(ascii: ".") || self == Self.rejected { return .ignored }
    if bytes.first == UInt8(ascii: "#"), bytes.last == UInt8(ascii: "#") { return .ignored }
    if Self.temporaryEndings.contains(where: ends(in:)) { return .ignored }
    return ends(in: ".json") ? .config : .foreign
  }

  /// The folder of rejected files.
  package static let rejected = SpoolName("rejected")

  private static let temporaryEndings = ["~", ".tmp", ".part", ".partial", ".swp"]

  private func ends(in ending: String) -> Bool { bytes.suffix(ending.utf8.count).elementsEqual(ending.utf8) }

  private static func percent(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return "%" + (digits.utf8.count < 2 ? "0" : "") + digits
  }

  package static func < (first: SpoolName, second: SpoolName) -> Bool {
    first.bytes.lexicographicallyPrecedes(second.bytes)
  }
}

/// The names that a file may get where its own may be taken: `<name>.json`, `<name>-2.json`, `<name>-3.json`, ...
///
/// They are valid UTF-8 and short enough for `.error.txt` and what is written aside to be added.
struct RejectedName {
  private static let ending = ".json"
  /// Of 255 that a name may have; numbers, `.error.txt` and `..partial-1` need some.
  private static let longestStem = 200

  private let stem: String

  init(_ name: SpoolName) {
    var stem = name.escaped
    if stem.utf8.suffix(Self.ending.utf8.count).elementsEqual(Self.ending.utf8) {
      stem = String(decoding: stem.utf8.dropLast(Self.ending.utf8.count), as: UTF8.self)
    }
    while stem.utf8.count > Self.longestStem { stem.unicodeScalars.removeLast() }
    self.stem = stem
  }

  subscript(number: Int) -> String {
    stem + (number == 1 ? "" : "-\(number)") + Self.ending
  }

  /// The first of the names, beginning with the file's own, that `isFree`.
  func first(where isFree: (String) -> Bool) -> String {
    var number = 1
    while !isFree(self[number]) { number += 1 }
    return self[number]
  }
}
