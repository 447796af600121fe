/// What the program can be asked to do.
enum Verb: String, CaseIterable {
  case run, validate, summary, data

  var summary: String {
    switch self {
    case .run: "train every run of the given configs, to the end, and summarize"
    case .validate: "check configs and print the plan: runs, parameters, bytes of weights"
    case .summary: "print what came out of experiments, all of them or those named"
    case .data: "`data list` shows the data sets, `data verify` checks their files"
    }
  }

  var usage: String {
    switch self {
    case .run: "bitlab run CONFIG... [options]"
    case .validate: "bitlab validate CONFIG... [options]"
    case .summary: "bitlab summary [EXPERIMENT...] [options]"
    case .data: "bitlab data list|verify [DATASET...] [options]"
    }
  }

  /// What `bitlab VERB --help` adds.
  var details: String {
    switch self {
    case .run:
      """
      Trains in the foreground, as many runs at once as --jobs says, and writes results/<experiment>/: curves.csv, a
      summary, and a folder for each run. On a terminal it shows a live table, elsewhere a line per epoch.

      Ctrl-C checkpoints all runs and stops; the same command goes on where it stopped. Runs that completed or diverged
      are left alone. Another config of the same name gets a folder of its own: <name>-2.

      Exit codes: 0 all runs completed; 1 a run failed or diverged; 65 data missing or damaged; 66 no such config;
      75 another process holds the results folder; 78 a config is wrong; 130 after Ctrl-C.
      """
    case .validate:
      """
      Reports everything that is wrong with each file as path:line:column: error: ..., and trains nothing.

      Exit codes: 0 all configs are right; 66 no such file; 78 a config is wrong.
      """
    case .summary:
      """
      Reads the runs' records under the results folder, so it also shows how far unfinished experiments are.
      """
    case .data:
      """
      Looks for official files, raw or .gz, in the data folder: mnist/, fashion-mnist/, cifar100/, where torchvision puts
      them, and where Debian's dataset-fashion-mnist does. `verify` compares their content with the official SHA-256.

      Exit codes: 0 all is well; 65 a file is damaged, or one of a data set that was named is missing.
      """
    }
  }
}

/// The texts of `--help`.
enum Help {
  static var general: String {
    let verbs = Verb.allCases.map { verb in
      "  " + verb.rawValue.padding(toLength: 10, withPad: " ", startingAt: 0) + verb.summary
    }
    return """
      bitlab trains full-precision, 2-bit and 1-bit variants of a small network side by side.

      usage: bitlab VERB [arguments] [options]

      \(verbs.joined(separator: "\n"))

      \(options)

      `bitlab VERB --help` says more about a verb.
      """
  }

  static func verb(_ verb: Verb) -> String {
    "usage: \(verb.usage)\n\n\(verb.details)\n\n\(options)"
  }

  private static let options = """
    options, before or after arguments:
      --results DIR       where results go (default: results)
      --data DIR          where data sets are (default: the variable BITLAB_DATA, else data)
      -j, --jobs N        runs at once (default: as many as there are cores)
      --json              exactly one JSON value on stdout
      -v, -q              say more, say only errors
      --color WHEN        auto, always or never (NO_COLOR is heeded)
      -h, --help          this text
      --version           the program's version
    """
}
