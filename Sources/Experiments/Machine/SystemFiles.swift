import Foundation

/// What the kernel tells in files, under a root that tests choose.
package struct SystemFiles: Sendable {
  private let root: String

  /// - Parameter root: what stands before every path; empty for the system's own.
  package init(root: String = "") { self.root = root }

  /// nil where the file cannot be read.
  func text(_ path: String) -> String? { try? String(contentsOfFile: root + path, encoding: .utf8) }

  /// The file's one number; nil for `max` and where there is none.
  func number(_ path: String) -> Int? {
    text(path).flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
  }

  /// The value of a line `name value`, or `name: value kB`, as a number of what the file counts in.
  func number(_ name: String, in path: String) -> Int? { text(path).flatMap { Self.number(name, in: $0) } }

  static func number(_ name: String, in text: String) -> Int? {
    for line in text.split(separator: "\n") {
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      guard let first = words.first, first == name || first == name + ":" else { continue }
      return words.dropFirst().first.flatMap { Int($0) }
    }
    return nil
  }

  func exists(_ path: String) -> Bool { access(root + path, F_OK) == 0 }
}
