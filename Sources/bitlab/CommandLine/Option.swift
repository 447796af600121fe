import Experiments

/// An option of the command line: how it is written, what it says of itself, and what it sets.
struct Option: Sendable {
  /// As in `--results`, without the dashes.
  let name: String
  /// As in `-j`, without the dash.
  let letter: Character?
  /// What stands for its value in help; nil for one that takes none.
  let valueName: String?
  /// Completes "expected ...": which values it takes.
  let expected: String
  let completion: Completion
  /// The environment variable that gives its value where the command line does not.
  let variable: String?
  let summary: String
  /// Sets it to the value; false where the value is none of its.
  let take: @Sendable (inout Arguments, String) -> Bool

  /// What a shell offers for a value.
  enum Completion: Sendable, Hashable {
    case nothing, folders, files
    case choices([String])
  }

  var takesValue: Bool { valueName != nil }
  /// As in messages.
  var spelling: String { "--" + name }
  var spellings: [String] { [spelling] + (letter.map { ["-\($0)"] } ?? []) }

  private init(
    _ name: String, _ letter: Character?, _ summary: String,
    _ take: @escaping @Sendable (inout Arguments, String) -> Bool
  ) {
    (self.name, self.letter, self.summary, self.take) = (name, letter, summary, take)
    (valueName, expected, completion, variable) = (nil, "", .nothing, nil)
  }

  /// One without a value, which sets a property to the given one.
  init<Value: Sendable>(
    _ name: String, letter: Character? = nil, _ property: WritableKeyPath<Arguments, Value> & Sendable,
    _ value: Value, _ summary: String
  ) {
    self.init(name, letter, summary) { arguments, _ in
      arguments[keyPath: property] = value
      return true
    }
  }

  /// One without a value, which adds one to a set.
  init<Value: Sendable>(
    _ name: String, insertingInto property: WritableKeyPath<Arguments, Set<Value>> & Sendable, _ value: Value,
    _ summary: String
  ) {
    self.init(name, nil, summary) { arguments, _ in
      arguments[keyPath: property].insert(value)
      return true
    }
  }

  /// One with a value.
  init<Value: Sendable>(
    _ name: String, letter: Character? = nil, _ value: OptionValue<Value>,
    _ property: WritableKeyPath<Arguments, Value> & Sendable, variable: String? = nil, _ summary: String
  ) {
    (self.name, self.letter, self.summary, self.variable) = (name, letter, summary, variable)
    (valueName, expected, completion) = (value.valueName, value.expected, value.completion)
    take = { arguments, text in
      guard let value = value.read(text) else { return false }
      arguments[keyPath: property] = value
      return true
    }
  }

  /// One that may be given several times.
  init<Value: Sendable>(
    _ name: String, _ value: OptionValue<Value>,
    appendingTo property: WritableKeyPath<Arguments, [Value]> & Sendable, _ summary: String
  ) {
    (self.name, letter, self.summary, variable) = (name, nil, summary, nil)
    (valueName, expected, completion) = (value.valueName, value.expected, value.completion)
    take = { arguments, text in
      guard let value = value.read(text) else { return false }
      arguments[keyPath: property].append(value)
      return true
    }
  }

  /// The same for a property that has none at first.
  init<Value: Sendable>(
    _ name: String, letter: Character? = nil, _ value: OptionValue<Value>,
    _ property: WritableKeyPath<Arguments, Value?> & Sendable, _ summary: String
  ) {
    self.init(
      name, letter: letter,
      OptionValue<Value?>(value.valueName, value.expected, value.completion) {
        value.read($0).map(Optional.some)
      },
      property, summary)
  }
}

/// The values that an option takes.
struct OptionValue<Value: Sendable>: Sendable {
  let valueName: String
  let expected: String
  let completion: Option.Completion
  /// nil for a text that is none of them.
  let read: @Sendable (String) -> Value?

  init(
    _ valueName: String, _ expected: String, _ completion: Option.Completion = .nothing,
    _ read: @escaping @Sendable (String) -> Value?
  ) {
    (self.valueName, self.expected, self.completion, self.read) = (valueName, expected, completion, read)
  }

  /// One of an enumeration's.
  static func choice(_ valueName: String) -> Self
  where Value: CaseIterable & RawRepresentable<String> {
    let names = Value.allCases.map(\.rawValue)
    return OptionValue(valueName, Self.list(names), .choices(names)) { Value(rawValue: $0) }
  }

  /// Several, separated by commas, each once.
  static func several<Element: Equatable>(
    _ valueName: String, _ expected: String, of names: [String],
    _ read: @escaping @Sendable (String) -> Element?
  ) -> Self where Value == [Element] {
    OptionValue("\(valueName),...", "\(expected) (\(names.joined(separator: ", ")))", .choices(names)) {
      var values: [Element] = []
      for word in $0.split(separator: ",", omittingEmptySubsequences: false) {
        guard let value = read(String(word)) else { return nil }
        if !values.contains(value) { values.append(value) }
      }
      return values
    }
  }

  private static func list(_ names: [String]) -> String {
    names.count < 2
      ? names.joined() : names.dropLast().joined(separator: ", ") + " or " + names[names.count - 1]
  }
}

extension OptionValue<String> {
  static let folder = OptionValue("DIR", "the name of a folder", .folders) { $0.isEmpty ? nil : $0 }
  static let command = OptionValue("COMMAND", "a command") { $0 }
  static let path = OptionValue("PATH", "the name of a file or folder", .files) { $0.isEmpty ? nil : $0 }
  static let address = OptionValue("URL", "an address that begins with http:// or https://") {
    // Behind it is a host.
    $0.wholeMatch(of: #/https?:\/\/[^\/].*/#) == nil ? nil : $0
  }
}

extension OptionValue<Glob> {
  static let pattern = OptionValue("PATTERN", "a pattern, as 'full-*'") { Glob($0) }
}

extension OptionValue<ConfigurationOverride> {
  static let setting = OptionValue(
    "KEY=VALUE",
    "KEY=VALUE, as training.epochs=5; VALUE is JSON or a bare word, \"\" is an empty one and null leaves KEY out"
  ) {
    try? ConfigurationOverride($0)
  }
}

extension OptionValue<Int> {
  static let seconds = OptionValue("SECONDS", "a number of seconds from 1 to 86400") {
    Int($0).flatMap { (1...86_400) ~= $0 ? $0 : nil }
  }
  static let count = OptionValue("N", "a number from 1 to 4096") {
    Int($0).flatMap { (1...4096) ~= $0 ? $0 : nil }
  }
}
