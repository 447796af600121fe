import Experiments

/// The manual page, made of the table of verbs: `bitlab manual | man -l -`.
enum Manual {
  static let verb = Verb(
    "manual", "print the manual page", .none,
    details: "To read it: bitlab manual | man -l -. `make install` puts it where man looks."
  ) { arguments, console in
    console.result(page, as: "manual", arguments)
    return ExitCode.done
  }

  /// In roff, with the macros of man(7).
  static var page: String {
    let verbs = Verb.all.map { verb in
      let options = verb.options.map(entry).joined(separator: "\n")
      let codes =
        verb.exitCodes.isEmpty
        ? ""
        : "\n.PP\nExit codes: "
          + escaped(verb.exitCodes.map { "\($0.code) \($0.meaning)" }.joined(separator: "; ")) + "."
      let paragraphs = verb.details.split(separator: "\n").map { escaped(String($0)) }
      return """
        .SS "\(escaped(verb.usage))"
        \(escaped(verb.sentence))
        \(paragraphs.joined(separator: "\n.PP\n"))
        \(options)\(codes)
        """
    }
    let variables = Option.all.compactMap { option in
      option.variable.map { ".TP\n.B \($0)\nAs \(bold(option.spelling))." }
    }
    let codes = ExitCode.meanings.map { ".TP\n.B \($0.code)\n\(escaped($0.meaning))" }
    return """
      .TH BITLAB 1 "" "bitlab \(Machine.bitlabVersion)" "User Commands"
      .SH NAME
      bitlab \\- train full-precision, 2-bit and 1-bit variants of a small network side by side
      .SH SYNOPSIS
      .B bitlab
      .I VERB
      .RI [ arguments ]
      .RI [ options ]
      .SH DESCRIPTION
      A config, a JSON file, names a data set, a network, how it is trained, variants with weights of 32, 2 or 1 bits,
      and seeds. BitLab trains every variant with every seed and leaves learning curves (CSV), a summary, and the
      weights of each run in a folder of results.
      .PP
      Options stand before or after arguments; behind \\-\\- all words are arguments.
      .SH VERBS
      \(verbs.joined(separator: "\n"))
      .SH OPTIONS OF ALL VERBS
      \(Option.common.map(entry).joined(separator: "\n"))
      .SH EXIT STATUS
      \(codes.joined(separator: "\n"))
      .SH ENVIRONMENT
      \(variables.joined(separator: "\n"))
      .TP
      .BR NO_COLOR ", " TERM=dumb
      No colors; on a dumb terminal lines instead of a live table.
      .SH FILES
      .TP
      .I results/EXPERIMENT/
      config.json, curves.csv, summary.csv, summary.json, summary.md, and a folder for each run under runs/.
      .TP
      .I results/.bitlab/
      The daemon's journal, lock, socket and log.
      .TP
      .I configs/queue/
      The folder that the daemon watches.
      .SH EXAMPLES
      .EX
      bitlab run configs/quickstart.json
      bitlab daemon \\-\\-jobs 2 &
      bitlab submit configs/mnist\\-ffn.json && bitlab watch
      .EE
      """
  }

  private static func entry(_ option: Option) -> String {
    let value = option.valueName.map { " \\fI\(escaped($0))\\fR" } ?? ""
    let spellings = option.spellings.reversed().map(bold).joined(separator: ", ")
    let variable = option.variable.map { ", also by \($0)" } ?? ""
    return ".TP\n\(spellings)\(value)\n\(escaped(option.summary + variable))."
  }

  private static func bold(_ text: String) -> String { "\\fB\(escaped(text))\\fR" }

  /// Text as it is: roff takes backslashes, dashes, and dots and quotes at a line's beginning for its own.
  private static func escaped(_ text: String) -> String {
    let escaped = text.replacing("\\", with: "\\e").replacing("-", with: "\\-").replacing("\"", with: "\\(dq")
    return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" + escaped : escaped
  }
}
