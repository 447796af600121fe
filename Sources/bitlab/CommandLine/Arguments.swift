import Experiments
import Foundation
import Networks

/// The command line, taken apart: a verb, its operands, and the options, which may stand anywhere.
struct Arguments {
  var verb: Verb?
  var operands: [String] = []
  var results = "results"
  /// The folder that the daemon watches.
  var configs = "configs/queue"
  var data = "data"
  var jobs: Int?
  /// Runs at once.
  var slots: Int { jobs ?? Machine.cores }
  var json = false
  /// Run by the daemon when an experiment has ended.
  var onFinish: String?
  var drains = false
  var all = false
  /// `restart`: runs that failed or diverged alone.
  var failed = false
  /// What is asked otherwise is done.
  var isSure = false
  /// Runs are trained though equal ones have completed.
  var trainsAll = false
  /// `status`: every run that has ended, and no other.
  var ended = false
  var follows = false
  var verbosity = Verbosity.normal
  var color = ColorChoice.auto
  var bench = BenchOptions()
  /// The options given that only `bench` has.
  private(set) var benchOptions: [Option] = []
  var wantsHelp = false
  var wantsVersion = false

  enum Verbosity: Int, Comparable {
    case quiet, normal, verbose

    static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  }

  enum ColorChoice: String, CaseIterable {
    case auto, always, never
  }

  /// No words.
  init() {}

  /// - Parameters:
  ///   - words: without the program's name.
  /// - Throws: `UsageError` for the first word that is wrong.
  init(_ words: [String], environment: [String: String]) throws(UsageError) {
    if let folder = environment["BITLAB_DATA"], !folder.isEmpty { data = folder }
    var rest = words[...]
    var optionsAreOver = false
    while let word = rest.popFirst() {
      if optionsAreOver || word == "-" || !word.hasPrefix("-") {
        try takeOperand(word)
      } else if word == "--" {
        optionsAreOver = true
      } else {
        try takeOption(word, &rest)
      }
    }
    if let option = benchOptions.last, let verb, verb != .bench {
      throw UsageError("`\(option.spellings[0])` is an option of `bench`, not of `\(verb.rawValue)`")
    }
  }

  private mutating func takeOperand(_ word: String) throws(UsageError) {
    guard verb == nil else {
      operands.append(word)
      return
    }
    guard let verb = Verb(rawValue: word) else {
      let hint = Nearest.name(to: word, among: Verb.allCases.map(\.rawValue)).map {
        ": did you mean `\($0)`?"
      }
      throw UsageError("unknown verb `\(word)`" + (hint ?? ": `bitlab --help` lists them"))
    }
    self.verb = verb
  }

  private mutating func takeOption(_ word: String, _ rest: inout ArraySlice<String>) throws(UsageError) {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard let option = Option(spelling: parts[0]) else {
      let hint = Nearest.name(to: parts[0], among: Option.allCases.flatMap(\.spellings))
      throw UsageError("unknown option `\(parts[0])`" + (hint.map { ": did you mean `\($0)`?" } ?? ""))
    }
    var value = parts.count > 1 ? parts[1] : nil
    if option.takesValue, value == nil {
      guard let next = rest.popFirst() else { throw UsageError("`\(parts[0])` needs \(option.valueName!)") }
      value = next
    }
    if !option.takesValue, value != nil { throw UsageError("`\(parts[0])` takes no value") }
    if !option.benchSubjects.isEmpty { benchOptions.append(option) }
    try set(option, value ?? "")
  }

  private mutating func set(_ option: Option, _ value: String) throws(UsageError) {
    switch option {
    case .results: results = try folder(value, option)
    case .data: data = try folder(value, option)
    case .configs: configs = try folder(value, option)
    case .onFinish: onFinish = value
    case .drain: drains = true
    case .all: all = true
    case .failed: failed = true
    case .yes: isSure = true
    case .noReuse: trainsAll = true
    case .ended: ended = true
    case .follow: follows = true
    case .jobs: jobs = try one(value, option, Self.count)
    case .experiment: bench.experiments = try list(value, option, BenchedExperiment.init(rawValue:))
    case .bits: bench.bits = try list(value, option) { Int($0).flatMap(WeightPrecision.init(rawValue:)) }
    case .method: bench.method = try one(value, option, QuantizationMethod.init(rawValue:))
    case .threads: bench.threads = try one(value, option, Self.count)
    case .runs: bench.runs = try one(value, option, Self.count)
    case .seconds:
      bench.seconds = try one(value, option) { Double($0).flatMap { $0 > 0 && $0 < 1e6 ? $0 : nil } }
    case .evaluate: bench.evaluates = true
    case .json: json = true
    case .verbose: verbosity = .verbose
    case .quiet: verbosity = .quiet
    case .color:
      guard let choice = ColorChoice(rawValue: value) else {
        throw UsageError("`--color \(value)`: expected auto, always or never")
      }
      color = choice
    case .help: wantsHelp = true
    case .version: wantsVersion = true
    }
  }

  /// Values separated by commas, at least one, each once.
  private func list<Value: Equatable>(
    _ text: String, _ option: Option, _ read: (String) -> Value?
  ) throws(UsageError) -> [Value] {
    var values: [Value] = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      let value = try one(String(word), option, shown: text, read)
      if !values.contains(value) { values.append(value) }
    }
    return values
  }

  /// - Parameter shown: the option's whole value, for the message.
  private func one<Value>(
    _ word: String, _ option: Option, shown: String? = nil, _ read: (String) -> Value?
  ) throws(UsageError) -> Value {
    guard let value = read(word) else {
      throw UsageError(
        "`\(option.spellings[0]) \(shown ?? word)`: expected \(option.valueName ?? "a value")")
    }
    return value
  }

  private static func count(_ word: String) -> Int? { Int(word).flatMap { (1...4096) ~= $0 ? $0 : nil } }

  private func folder(_ value: String, _ option: Option) throws(UsageError) -> String {
    if value.isEmpty { throw UsageError("`\(option.spellings[0])` needs the name of a folder") }
    return value
  }
}

/// A command line that says nothing the program can do; exit code 2.
struct UsageError: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }
}

/// The options that every verb takes, and those of `bench` alone.
enum Option: CaseIterable {
  case results, configs, data, onFinish, drain, all, failed, yes, noReuse, ended, follow, jobs, json, verbose,
    quiet, color, help,
    version
  case experiment, bits, method, threads, runs, seconds, evaluate

  init?(spelling: String) {
    guard let option = Self.allCases.first(where: { $0.spellings.contains(spelling) }) else { return nil }
    self = option
  }

  var spellings: [String] {
    switch self {
    case .results: ["--results"]
    case .data: ["--data"]
    case .configs: ["--configs"]
    case .onFinish: ["--on-finish"]
    case .drain: ["--drain"]
    case .all: ["--all"]
    case .failed: ["--failed"]
    case .yes: ["--yes", "-y"]
    case .noReuse: ["--no-reuse"]
    case .ended: ["--ended"]
    case .follow: ["--follow", "-f"]
    case .jobs: ["--jobs", "-j"]
    case .json: ["--json"]
    case .verbose: ["--verbose", "-v"]
    case .quiet: ["--quiet", "-q"]
    case .color: ["--color"]
    case .experiment: ["--experiment"]
    case .bits: ["--bits"]
    case .method: ["--method"]
    case .threads: ["--threads"]
    case .runs: ["--runs"]
    case .seconds: ["--seconds"]
    case .evaluate: ["--evaluate"]
    case .help: ["--help", "-h"]
    case .version: ["--version"]
    }
  }

  /// What of `bench` heeds it; other verbs refuse it then. Empty for options of all verbs.
  var benchSubjects: [BenchVerb.Subject] {
    switch self {
    case .experiment, .bits, .method, .runs, .evaluate: [.train]
    case .threads: [.gemm, .train, .scaling]
    case .seconds: BenchVerb.Subject.allCases
    default: []
    }
  }

  /// What stands for the value in messages; nil for options without one.
  var valueName: String? {
    switch self {
    case .results, .data, .configs: "a folder"
    case .onFinish: "a command"
    case .color: "auto, always or never"
    case .experiment: "experiments (\(BenchedExperiment.allCases.map(\.rawValue).joined(separator: ", ")))"
    case .bits: "bits (32, 2, 1)"
    case .method: "simple-bitnet or bitnet"
    case .jobs, .threads, .runs: "a number from 1 to 4096"
    case .seconds: "a number of seconds above 0"
    default: nil
    }
  }

  var takesValue: Bool { valueName != nil }
}
