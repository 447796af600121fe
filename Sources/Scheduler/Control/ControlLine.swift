import JSON

/// A line of the control protocol: one JSON object in UTF-8.
enum ControlLine {
  /// What is wrong, and at which byte of the line, counted from 1.
  struct Problem: Error, Hashable, CustomStringConvertible {
    let byte: Int
    let message: String

    var description: String { "byte \(byte): \(message)" }
  }

  static let syntax: JSONSyntax = {
    var syntax = JSONSyntax(maximumDepth: 64)
    syntax.isObject = true
    return syntax
  }()

  /// The message as a line, line feed included.
  static func bytes(_ message: ControlMessage) -> [UInt8] { JSONWriter.bytes(message, end: "\n") }

  /// The message of a line without its line feed. Throws a `Problem` for what is not one JSON object, and for an object
  /// with a key that occurs twice.
  static func parse(_ line: [UInt8]) throws(Problem) -> ControlMessage {
    let outcome = JSONParser.parse(line, as: syntax)
    if case .object(let message)? = outcome.value { return message }
    guard let problem = outcome.problems.first else {
      preconditionFailure("ControlLine: \(line.count) bytes are neither an object nor have a problem")
    }
    throw Problem(problem, in: line)
  }
}

extension ControlLine.Problem {
  fileprivate init(_ problem: JSONProblem, in line: [UInt8]) {
    byte = Self.place(problem) + 1
    message = Self.message(problem, in: line)
  }

  private static func place(_ problem: JSONProblem) -> Int {
    switch problem.kind {
    case .duplicateKey, .notUTF8, .numberTooLarge: problem.start
    default: problem.offset
    }
  }

  private static func message(_ problem: JSONProblem, in line: [UInt8]) -> String {
    switch problem.kind {
    case .expected(let expectation):
      let expected = expectation.words(quote: "'", text: "line")
      return "found \(found(at: problem.offset, in: line)), expected \(expected)"
    case .controlCharacter:
      return "found \(found(at: problem.offset, in: line)), expected its escape or a closing quote"
    case .loneSurrogate: return "found a lone surrogate, expected a pair of them"
    case .numberTooLarge: return "found a number that no double can hold"
    case .duplicateKey: return "found a key for the second time"
    case .tooDeep:
      return "arrays and objects are nested deeper than \(ControlLine.syntax.maximumDepth) levels"
    case .tooLong: return "the line is longer than \(ControlLine.syntax.maximumBytes) bytes"
    case .byteOrderMark, .notUTF8: return "found a text that is not valid UTF-8"
    }
  }

  private static func found(at offset: Int, in line: [UInt8]) -> String {
    guard offset < line.count else { return "the end of the line" }
    let byte = line[offset]
    if (0x21..<0x7F).contains(byte) { return "'\(Character(Unicode.Scalar(byte)))'" }
    return "the byte 0x\(String(byte, radix: 16))"
  }
}
