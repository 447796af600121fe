import Datasets
import Experiments
import TensorCore

/// The command line, taken apart: a verb, its operands, and the options, which may stand anywhere.
struct Arguments: Sendable {
  private(set) var verb: Verb?
  private(set) var operands: [String] = []
  /// The options given, in order.
  private(set) var options: [Option] = []

  // What the options set. `Verb` says which verb heeds which.
  var results = "results"
  /// The folder that the daemon watches.
  var configs = "configs/queue"
  var data = DataFolder.defaultPath
  var jobs: Int?
  /// Keys of configs, and what they are set to.
  var overrides: [ConfigurationOverride] = []
  /// Which runs begin now; all for none.
  var only: [Glob] = []
  /// Run by the daemon when an experiment has ended.
  var hooks = FinishHook.Commands()
  var drains = false
  var all = false
  /// `restart` and `status`: runs that failed or diverged alone.
  var failed = false
  /// What is asked otherwise is done.
  var isSure = false
  /// Runs are trained though equal ones have completed.
  var trainsAll = false
  /// `status`: which runs; none for what is under way and the newest that have ended.
  var listed: Set<StatusVerb.Kind> = []
  var follows = false
  /// `validate`: how long the runs take is measured.
  var estimates = false
  var bench = BenchOptions()
  /// `export`: nil where none was named.
  var format: ExportVerb.Format?
  var output: String?
  /// `evaluate`.
  var dataset: DatasetName?
  var validationLimit: Int?
  /// `data fetch`: the folder of a mirror, and seconds without a byte.
  var from: String?
  var timeout = 30
  var json = false
  var verbosity = Verbosity.normal
  var color = ColorChoice.auto
  var wantsHelp = false
  var wantsVersion = false

  /// Whether a run of that id is to begin now.
  func wants(_ run: String) -> Bool { only.isEmpty || only.contains { $0.matches(run) } }

  /// Runs at once.
  var slots: Int { jobs ?? Machine.cores }

  enum Verbosity: Int, Comparable {
    case quiet, normal, verbose

    static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  }

  enum ColorChoice: String, CaseIterable {
    case auto, always, never
  }

  /// No words.
  init() {}

  /// - Parameter words: without the program's name.
  /// - Throws: `UsageError` for the first word that is wrong.
  init(_ words: [String], environment: [String: String]) throws(UsageError) {
    for option in Option.all {
      if let variable = option.variable, let value = environment[variable], !value.isEmpty {
        _ = option.take(&self, value)
      }
    }
    if let name = environment[IntegerKernel.variable], !name.isEmpty, IntegerKernel.named(name) == nil {
      let names = IntegerKernel.available.map(\.rawValue).joined(separator: ", ")
      throw UsageError("\(IntegerKernel.variable)=\(name): this CPU has no such kernels, it has \(names)")
    }
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "-" || !word.hasPrefix("-") {
        try takeOperand(word)
      } else if word == "--" {
        while let operand = rest.popFirst() { try takeOperand(operand) }
      } else if word.hasPrefix("--") {
        try takeOption(word, &rest)
      } else {
        try takeLetters(word, &rest)
      }
    }
    try check()
  }

  private mutating func takeOperand(_ word: String) throws(UsageError) {
    guard verb == nil else {
      operands.append(word)
      return
    }
    verb = try Verb(named: word)
  }

  /// `--name`, `--name value` or `--name=value`.
  private mutating func takeOption(_ word: String, _ rest: inout ArraySlice<String>) throws(UsageError) {
    let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard let option = Option.all.first(where: { $0.name == parts[0] }) else {
      throw unknown("--\(parts[0])")
    }
    var value = parts.count > 1 ? String(parts[1]) : nil
    if !option.takesValue, value != nil { throw UsageError("`\(option.spelling)` takes no value") }
    if option.takesValue, value == nil { value = rest.popFirst() }
    try take(option, value)
  }

  /// `-a`, `-ab` for `-a -b`, and `-j 2`, `-j2` or `-j=2` for one with a value.
  private mutating func takeLetters(_ word: String, _ rest: inout ArraySlice<String>) throws(UsageError) {
    var letters = word.dropFirst()
    while let letter = letters.popFirst() {
      guard let option = Option.all.first(where: { $0.letter == letter }) else {
        throw unknown(word.count == 2 ? word : "-\(letter)", in: word)
      }
      guard option.takesValue else {
        if letters.first == "=" { throw UsageError("`-\(letter)` takes no value") }
        try take(option, nil)
        continue
      }
      if letters.first == "=" { letters.removeFirst() }
      try take(option, letters.isEmpty ? rest.popFirst() : String(letters))
      return
    }
  }

  private mutating func take(_ option: Option, _ value: String?) throws(UsageError) {
    if option.takesValue, value?.isEmpty ?? true {
      throw UsageError("`\(option.spelling)` needs \(option.expected)")
    }
    guard option.take(&self, value ?? "") else {
      throw UsageError("`\(option.spelling) \(value ?? "")`: expected \(option.expected)")
    }
    options.append(option)
  }

  private func unknown(_ spelling: String, in word: String? = nil) -> UsageError {
    let known = (verb.map { $0.allOptions } ?? Option.all).flatMap(\.spellings)
    let near =
      Nearest.name(to: spelling, among: known)
      ?? Nearest.name(to: spelling, among: Option.all.flatMap(\.spellings))
    // A file's name can begin with a dash too.
    let place = word.flatMap { $0 == spelling ? nil : " in `\($0)`" } ?? ""
    return UsageError("unknown option `\(spelling)`\(place)" + (near.map { ": did you mean `\($0)`?" } ?? ""))
  }

  /// Whether the verb heeds what was given.
  private func check() throws(UsageError) {
    guard let verb, !wantsHelp, !wantsVersion else { return }
    for option in options where !verb.heeds(option) {
      let near = Nearest.name(to: option.spelling, among: verb.options.map(\.spelling))
      let others = Verb.all.filter { $0.heeds(option) }.map { "`\($0.name)`" }
      throw UsageError(
        "`\(verb.name)` has no option `\(option.spelling)`"
          + (near.map { ": did you mean `\($0)`?" } ?? ", which is for \(others.joined(separator: ", "))"))
    }
    try verb.operands.check(operands, of: verb)
  }
}

/// A command line that says nothing the program can do; exit code 2.
struct UsageError: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }
}
