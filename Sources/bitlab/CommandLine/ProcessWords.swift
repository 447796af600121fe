import CSystem
import Files
import Foundation
import TensorCore

/// What the process was started with: its command line, and the environment that the program heeds.
///
/// The system's words are bytes. Those that are not UTF-8 are refused: repaired, they would name another folder.
struct ProcessWords {
  let words: [String]
  let environment: [String: String]

  /// Variables that the program heeds.
  private static let variables =
    ["TERM", "NO_COLOR", IntegerKernel.variable] + Option.all.compactMap(\.variable)

  /// The process's own.
  init() throws(UsageError) {
    let words = (1..<max(1, Int(csystem_argument_count()))).compactMap {
      csystem_argument(Int32($0)).map { Self.bytes($0) }
    }
    var environment: [String: [UInt8]] = [:]
    for name in Self.variables {
      if let value = getenv(name) { environment[name] = Self.bytes(value) }
    }
    // Paths in messages to the daemon begin with it.
    if let folder = getcwd(nil, 0) {
      defer { free(folder) }
      _ = try Self.text(Self.bytes(folder), "the current folder's name")
    }
    try self.init(words: words, environment: environment)
  }

  /// Throws `UsageError` for the first word or value that is not UTF-8.
  init(words: [[UInt8]], environment: [String: [UInt8]]) throws(UsageError) {
    var texts: [String] = []
    for word in words { texts.append(try Self.text(word, "the argument")) }
    var values: [String: String] = [:]
    for (name, value) in environment.sorted(by: { $0.key < $1.key }) {
      values[name] = try Self.text(value, "the variable \(name)")
    }
    (self.words, self.environment) = (texts, values)
  }

  private static func text(_ bytes: [UInt8], _ what: String) throws(UsageError) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    let shown = String(decoding: bytes, as: UTF8.self).inMessage(upTo: 400)
    throw UsageError(
      "\(what) is not UTF-8: `\(shown)`: give the file or folder a name in UTF-8, as everything here has")
  }

  private static func bytes(_ text: UnsafePointer<CChar>) -> [UInt8] {
    Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
  }
}
