/// What makes a benchmark end without a result, as a sentence for people.
struct BenchmarkProblem: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }
}

/// The options of a subcommand: `--name value ...`, values separated by spaces or commas.
struct CommandOptions {
  private var values: [String: [String]] = [:]

  /// - Parameter known: the options that there are; any other is refused.
  init(_ words: some Sequence<String>, known: Set<String>) throws {
    var name: String?
    for word in words {
      if word.hasPrefix("--") {
        guard known.contains(word) else { throw BenchmarkProblem("unknown option \(word)") }
        values[word] = []
        name = word
      } else if let name {
        values[name]?.append(word)
      } else {
        throw BenchmarkProblem("expected an option, found \(word)")
      }
    }
  }

  func has(_ name: String) -> Bool { values[name] != nil }

  /// The option's values, those it has by itself where it is not given.
  func list<Value>(_ name: String, _ standard: [Value], _ read: (String) -> Value?) throws -> [Value] {
    guard let given = values[name] else { return standard }
    let list = try given.flatMap { $0.split(separator: ",") }.map { word in
      guard let value = read(String(word)) else { throw BenchmarkProblem("\(name) does not take \(word)") }
      return value
    }
    if list.isEmpty { throw BenchmarkProblem("\(name) needs a value") }
    return list
  }

  func value<Value>(_ name: String, _ standard: Value, _ read: (String) -> Value?) throws -> Value {
    guard let given = values[name] else { return standard }
    guard given.count == 1 else { throw BenchmarkProblem("\(name) needs one value") }
    guard let value = read(given[0]) else { throw BenchmarkProblem("\(name) does not take \(given[0])") }
    return value
  }

  /// A number that counts something.
  static func count(_ word: String) -> Int? { Int(word).flatMap { $0 > 0 ? $0 : nil } }

  static func text(_ word: String) -> String? { word.isEmpty ? nil : word }
}
