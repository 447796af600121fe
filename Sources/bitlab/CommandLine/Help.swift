import Experiments
import JSON

/// The texts of `--help`, made of the table of verbs, and the verbs `help` and `version`.
enum Help {
  static let verb = Verb(
    "help", "say more about a verb", Operands("[VERB]", .verb, 0...1),
    details: "The same as `bitlab VERB --help`; without a verb, the list of them."
  ) { arguments, console in
    guard let word = arguments.operands.first else { return show(nil, arguments, console) }
    return show(try Verb(named: word), arguments, console)
  }

  static let version = Verb(
    "version", "print the program's version", .none, details: "The same as `bitlab --version`."
  ) { showVersion($0, $1) }

  static func show(_ verb: Verb?, _ arguments: Arguments, _ console: Console) -> Int32 {
    console.result(verb.map { text($0) } ?? general, as: "help", arguments)
    return ExitCode.done
  }

  static func showVersion(_ arguments: Arguments, _ console: Console) -> Int32 {
    let version = Machine.bitlabVersion
    console.result(arguments.json ? version : "bitlab \(version)", as: "version", arguments)
    return ExitCode.done
  }

  /// The list of verbs.
  static var general: String {
    let groups = Verb.groups.map { title, verbs in
      "\(title):\n" + verbs.map { entry($0.name, $0.summary, indent: 2, column: 15) }.joined(separator: "\n")
    }
    return """
      bitlab trains full-precision, 2-bit and 1-bit variants of a small network side
      by side.

      usage: bitlab VERB [arguments] [options]

      \(groups.joined(separator: "\n\n"))

      \(options(Option.common, "options of all verbs"))

      `bitlab VERB --help` says more, and which options the verb has besides.
      """
  }

  private static func text(_ verb: Verb) -> String {
    var parts = ["usage: \(verb.usage)", wrapped("\(verb.sentence) \(verb.details)")]
    if !verb.options.isEmpty { parts.append(options(verb.options, "options")) }
    parts.append(options(Option.common, verb.options.isEmpty ? "options" : "options of all verbs"))
    if !verb.exitCodes.isEmpty {
      let codes = verb.exitCodes.map { entry(String($0.code), $0.meaning, indent: 2, column: 7) }
      parts.append("exit codes:\n" + codes.joined(separator: "\n"))
    }
    return parts.joined(separator: "\n\n")
  }

  private static func options(_ options: [Option], _ title: String) -> String {
    let lines = options.map { option in
      entry(
        option.usage, option.summary + (option.variable.map { ", also by \($0)" } ?? ""), indent: 2,
        column: 23)
    }
    return "\(title):\n" + lines.joined(separator: "\n")
  }

  /// A word and what it means, in a column of its own.
  private static func entry(_ word: String, _ text: String, indent: Int, column: Int) -> String {
    let lines = lines(text, width: width - column)
    let head = String(repeating: " ", count: indent) + word
    let margin = String(repeating: " ", count: column)
    // A word too long for its column has a line of its own.
    let first =
      head.count < column ? head + margin.dropFirst(head.count) + lines[0] : head + "\n" + margin + lines[0]
    return ([first] + lines.dropFirst().map { margin + $0 }).joined(separator: "\n")
  }

  /// Paragraphs, with a line between them.
  private static func wrapped(_ text: String) -> String {
    text.split(separator: "\n").map { lines(String($0), width: width).joined(separator: "\n") }
      .joined(separator: "\n\n")
  }

  /// A text in lines that are not longer than that, unless a word is.
  private static func lines(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] += " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines.isEmpty ? [""] : lines
  }

  /// Of terminals as they come.
  private static let width = 80
}

extension Verb {
  /// Its summary, as a sentence.
  var sentence: String { summary.prefix(1).uppercased() + summary.dropFirst() + "." }
}

extension Option {
  /// As in `-j, --jobs N`.
  fileprivate var usage: String {
    (letter.map { "-\($0), " } ?? "    ") + spelling + (valueName.map { " " + $0 } ?? "")
  }
}

extension Console {
  /// A text that is the verb's result, and with `--json` the value of that key.
  func result(_ text: String, as key: String, _ arguments: Arguments) {
    result(arguments.json ? JSONValue.object([.init(key, .string(text))]).pretty : text)
  }
}
