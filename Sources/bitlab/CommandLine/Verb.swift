import Experiments

/// What the program can be asked to do. The table of them, `all`, makes the checks, the help, the completions and the manual.
struct Verb: Sendable {
  let name: String
  let summary: String
  let operands: Operands
  /// Its own; `Option.common` are every verb's.
  let options: [Option]
  /// Paragraphs for its help, one a line.
  let details: String
  /// The codes that it ends with, and what they mean.
  let exitCodes: [(code: Int32, meaning: String)]
  /// Does it; returns the exit code.
  let run: @Sendable (Arguments, Console) throws -> Int32

  init(
    _ name: String, _ summary: String, _ operands: Operands, options: [Option] = [], details: String,
    exitCodes: [(code: Int32, meaning: String)] = [],
    run: @escaping @Sendable (Arguments, Console) throws -> Int32
  ) {
    self.name = name
    self.summary = summary
    self.operands = operands
    self.options = options
    self.details = details
    self.exitCodes = exitCodes
    self.run = run
  }

  /// Throws `UsageError` for a word that is none.
  init(named word: String) throws(UsageError) {
    guard let verb = Self.all.first(where: { $0.name == word }) else {
      let near = Nearest.name(to: word, among: Self.all.map(\.name)).map { ": did you mean `\($0)`?" }
      throw UsageError("unknown verb `\(word)`" + (near ?? ": `bitlab --help` lists them"))
    }
    self = verb
  }

  /// With the common ones.
  var allOptions: [Option] { options + Option.common }

  func heeds(_ option: Option) -> Bool { allOptions.contains { $0.name == option.name } }

  var usage: String {
    ["bitlab", name, operands.synopsis, "[options]"].filter { !$0.isEmpty }.joined(separator: " ")
  }
}

/// The words behind a verb.
struct Operands: Sendable {
  /// As in the usage: `CONFIG...`.
  let synopsis: String
  let kind: Kind
  /// How many there may be.
  let count: ClosedRange<Int>

  /// What they name, for shells to offer.
  enum Kind: Sendable, Hashable {
    case nothing, config, experiment, run, verb, file
    /// An experiment, or one of its runs.
    case target
    /// One of these first, then these.
    case words([String], then: [String] = [])
  }

  init(_ synopsis: String, _ kind: Kind, _ count: ClosedRange<Int> = 0...Int.max) {
    (self.synopsis, self.kind, self.count) = (synopsis, kind, count)
  }

  static let none = Operands("", .nothing, 0...0)
  static let configs = Operands("CONFIG...", .config, 1...Int.max)
  /// All of them where none is named.
  static let targets = Operands("[RUN or EXPERIMENT...]", .target)
  /// `--all` is for none.
  static let targetsOrAll = Operands("RUN or EXPERIMENT...|--all", .target)
  static let run = Operands("RUN", .run, 1...1)

  fileprivate var noun: String {
    switch kind {
    case .config: "config"
    case .experiment: "experiment"
    case .run: "run"
    case .file: "file"
    case .target: "run or experiment"
    case .words(let words, _): words.map { "`\($0)`" }.joined(separator: " or ")
    case .verb: "verb"
    case .nothing: "argument"
    }
  }

  /// Throws `UsageError` where there are too few or too many, or an empty one.
  func check(_ words: [String], of verb: Verb) throws(UsageError) {
    let given = words.count
    if count.upperBound > 0, words.contains("") {
      throw UsageError("\(verb.name): found an empty word in place of a name")
    }
    if given < count.lowerBound {
      let article = if case .words = kind { "" } else { count.upperBound == 1 ? "a " : "at least one " }
      throw UsageError("\(verb.name) needs \(article)\(noun)")
    }
    guard given > count.upperBound else { return }
    throw UsageError(
      "\(verb.name) takes " + (count.upperBound == 0 ? "no arguments" : "one \(noun), not \(given)"))
  }
}

extension Verb {
  /// Every verb, as the help lists them.
  static let groups: [(title: String, verbs: [Verb])] = [
    ("train here, to the end", [RunVerb.verb, ValidateVerb.verb, SummaryVerb.verb]),
    (
      "train by a daemon",
      [
        DaemonVerb.verb, SubmitVerb.verb, StatusVerb.verb, WatchVerb.verb, LogsVerb.verb, WaitVerb.verb,
        SteerVerb.pause, SteerVerb.resume, SteerVerb.cancel, SteerVerb.restart, ShutdownVerb.verb,
      ]
    ),
    (
      "and besides",
      [
        ExportVerb.verb, EvaluateVerb.verb, PredictVerb.verb, RemoveVerb.verb, DataVerb.verb, BenchVerb.verb,
        Completions.verb, Manual.verb, Help.verb,
        Help.version,
      ]
    ),
  ]

  static let all = groups.flatMap(\.verbs)
}

extension Option {
  /// Of every verb.
  static let common = [json, verbose, quiet, color, help, version]

  /// Each that any verb heeds, once.
  static let all: [Option] = {
    var options = common
    for option in Verb.all.flatMap(\.options) where !options.contains(where: { $0.name == option.name }) {
      options.append(option)
    }
    return options
  }()

  static let json = Option("json", \.json, true, "print exactly one JSON value on stdout")
  static let verbose = Option("verbose", letter: "v", \.verbosity, .verbose, "say more")
  static let quiet = Option("quiet", letter: "q", \.verbosity, .quiet, "say errors alone")
  static let color = Option(
    "color", .choice("WHEN"), \.color,
    "auto, always or never (default: auto, which heeds NO_COLOR and TERM=dumb)")
  static let help = Option("help", letter: "h", \.wantsHelp, true, "print this text")
  static let version = Option("version", \.wantsVersion, true, "print the program's version")

  // Of several verbs.
  static let results = Option(
    "results", .folder, \.results, variable: "BITLAB_RESULTS", "where results are (default: results)")
  static let data = Option(
    "data", .folder, \.data, variable: "BITLAB_DATA", "where data sets are (default: data)")
  static let jobs = Option(
    "jobs", letter: "j", .count, \.jobs,
    "runs at once (default: the cores that the process may use, affinity and CPU quota counted)")
  static let set = Option(
    "set", .setting, appendingTo: \.overrides,
    "set a key of the configs, by its dotted name; may be given again")
  static let only = Option(
    "only", .pattern, appendingTo: \.only,
    "begin the runs whose ids match, as 'full-*'; plan and summary stay the config's")
  static let noReuse = Option(
    "no-reuse", \.trainsAll, true, "train runs whose equals have completed under these results")
  static let onFinish = Option(
    "on-finish", .command, \.hooks.onFinish,
    "what /bin/sh runs when an experiment has ended; BITLAB_EXPERIMENT, BITLAB_STATUS and BITLAB_FOLDER tell which"
  )
  static let onFailure = Option(
    "on-failure", .command, \.hooks.onFailure, "the same where a run of it failed or diverged")
  static let allRuns = Option("all", \.all, true, "every run there is")
  static let failed = Option(
    "failed", \.failed, true, "of all or those named, the runs that failed or diverged")
  static let yes = Option("yes", letter: "y", \.isSure, true, "do not ask")
}
