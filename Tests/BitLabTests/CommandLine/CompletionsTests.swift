import Foundation
import Testing

@testable import bitlab

/// What shells offer, asked of the shells.
struct CompletionsTests {
  /// A folder with two experiments, one of them with a grid.
  private func program() throws -> Program {
    let program = try Program()
    for run in [
      "tiny/runs/full-seed0", "tiny/runs/two-training.learning_rate=0.1-seed0", "other/runs/one-seed3",
    ] {
      try program.put("", as: "results/\(run)/run.json")
      try program.put("{}", as: "results/\(run.prefix { $0 != "/" })/config.json")
    }
    try program.put("{}", as: "configs/a.json")
    try program.put("", as: "configs/notes.txt")
    try program.put("{}", as: "my folder/b c.json")
    try program.put("{}", as: "my folder/third/config.json")
    try program.put("", as: "my folder/third/runs/one-seed0/run.json")
    return program
  }

  /// The words that bash puts in place of the last one of a line.
  private func bash(_ line: String, in program: Program, breaks: String = "=:") throws -> [String] {
    let script = """
      source <("$0" completions bash)
      COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDBREAKS=$' \\t\\n"\\'><;|&(\(breaks)'
      _bitlab
      printf '%s\\n' "${COMPREPLY[@]}"
      """
    let result = try program.shell(
      "PATH=$(dirname \"$0\"):$PATH; exec bash -c \(script.quotedForShell) \"$0\" \(line.quotedForShell)")
    #expect(result.errors == "", "\(result.errors)")
    return result.output.split(separator: "\n").map(String.init)
  }

  @Test(arguments: [
    ("bitlab su", ["summary", "submit"]), ("bitlab --json stat", ["status"]),
    ("bitlab shutdown --d", ["--drain"]), ("bitlab validate --dr", []),
    ("bitlab run --color a", ["auto", "always"]), ("bitlab run configs/", ["configs/a.json"]),
    ("bitlab daemon --configs con", ["configs"]), ("bitlab data v", ["verify"]),
    ("bitlab data verify mn", ["mnist"]),
    ("bitlab help wat", ["watch"]), ("bitlab completions z", ["zsh"]),
    ("bitlab remove ", ["other", "tiny"]), ("bitlab cancel t", ["tiny"]), ("bitlab logs t", ["tiny/"]),
    ("bitlab -q logs tiny/f", ["tiny/full-seed0"]),
    // What is behind a = is a word of its own for bash.
    ("bitlab cancel tiny/two-training.learning_rate=", ["0.1-seed0"]),
    ("bitlab logs --results nowhere t", []),
    // Options with their values in one word, and by operands' places.
    ("bitlab run --color=a", ["auto", "always"]), ("bitlab run --results=res", ["results"]),
    ("bitlab remove --results=results t", ["tiny"]), ("bitlab run --on-finish=a", []),
    ("bitlab data fetch ", ["mnist", "fashion-mnist", "cifar10", "cifar100"]),
    ("bitlab data fetch mnist c", ["cifar10", "cifar100"]), ("bitlab data ", ["list", "verify", "fetch"]),
    ("bitlab logs tiny/full-seed0 ", []),
    // Words in quotes, and such as have blanks.
    (#"bitlab run "configs/"#, ["configs/a.json"]), (#"bitlab run my\ fold"#, ["my folder"]),
    (#"bitlab run "my folder/t"#, ["my folder/third"]), (#"bitlab run "my folder/b"#, ["my folder/b c.json"]),
    (#"bitlab logs --results my\ folder th"#, ["third/"]),
    (#"bitlab logs --results "my folder" third/"#, ["third/one-seed0"]),
    (#"bitlab logs --results="my folder" third/one"#, ["third/one-seed0"]),
  ])
  func bashOffers(line: String, offered: [String]) throws {
    #expect(try bash(line, in: program()) == offered)
  }

  /// What waits in the daemon has no folder yet.
  @Test func runsThatWaitAreOffered() throws {
    let program = try Program()
    try program.put(
      ConfigText(
        epochs: 1_000_000, training: #", "max_steps": 100000000"#, seeds: "[0]",
        rest: #", "grid": {"training.learning_rate": [0.1, 0.2, 0.3]}"#
      ).text, as: "c.json")
    let daemon = try RunningDaemon(program)
    #expect(try program("submit", "c.json").code == 0)
    let deadline = Date(timeIntervalSinceNow: 60)
    while !program.exists("results/tiny/config.json"), Date() < deadline { usleep(1_000) }
    let offered = [
      "full-training.learning_rate=0.1-seed0", "full-training.learning_rate=0.2-seed0",
      "full-training.learning_rate=0.3-seed0",
    ].map { "tiny/" + $0 }
    // The folder and the daemon may both have one; shells show it once.
    func asked(_ shell: String, _ line: String) throws -> [String] {
      switch shell {
      case "bash": try bash(line, in: program).map { "tiny/full-training.learning_rate=" + $0 }
      default: try fish(line, in: program)
      }
    }
    for shell in ["bash"] + (Self.has("fish") ? ["fish"] : []) {
      let found = try asked(shell, "bitlab cancel tiny/full-training.learning_rate=")
      #expect(Set(found) == Set(offered), "\(shell): \(found)")
    }
    daemon.kill()
  }

  private static func has(_ shell: String) -> Bool {
    ["/bin", "/usr/bin", "/usr/local/bin"].contains { access("\($0)/\(shell)", X_OK) == 0 }
  }

  /// Without `=` among what breaks words, bash puts the whole word in the place of what was typed.
  @Test func bashMayLeaveWordsWhole() throws {
    let program = try program()
    #expect(try bash("bitlab run --color=al", in: program, breaks: "") == ["--color=always"])
    let offered = try bash("bitlab cancel tiny/two-training.learning_rate=", in: program, breaks: "")
    #expect(offered == ["tiny/two-training.learning_rate=0.1-seed0"])
  }

  /// Names that a shell would take apart come in quotes, and are known in them.
  @Test func namesMayHaveBlanks() throws {
    let program = try Program()
    for name in ["my own", "it's", "100%"] {
      try program.put("{}", as: "results/\(name)/config.json")
      try program.put("", as: "results/\(name)/runs/a b-seed0/run.json")
    }
    #expect(try bash("bitlab remove my", in: program) == [#"my\ own"#])
    #expect(try bash(#"bitlab remove "my"#, in: program) == ["my own"])
    #expect(try bash(#"bitlab logs my\ own/"#, in: program) == [#"my\ own/a\ b-seed0"#])
    #expect(try bash(#"bitlab logs "it's/a"#, in: program) == ["it's/a b-seed0"])
    #expect(try bash("bitlab logs 100%/", in: program) == [#"100%/a\ b-seed0"#])
  }

  @Test(.enabled(if: has("fish"))) func fishOffers() throws {
    let program = try program()
    for (line, offered) in [
      ("bitlab su", ["submit", "summary"]), ("bitlab shutdown --d", ["--drain"]),
      ("bitlab validate --dr", []),
      ("bitlab logs tiny/f", ["tiny/full-seed0"]), ("bitlab remove ", ["other", "tiny"]),
      ("bitlab run configs/", ["configs/a.json"]), ("bitlab help wat", ["watch"]),
      ("bitlab cancel --results nowhere t", []), ("bitlab data ", ["fetch", "list", "verify"]),
      ("bitlab data fetch m", ["mnist"]), (#"bitlab logs --results my\ folder th"#, ["third/"]),
      (#"bitlab --results my\ folder logs third/"#, ["third/one-seed0"]), ("bitlab logs t", ["tiny/"]),
      ("bitlab logs tiny/full-seed0 ", []), ("bitlab cancel tiny/full-seed0 oth", ["other"]),
      ("bitlab cancel tiny/f", ["tiny/full-seed0"]),
    ] {
      #expect(try fish(line, in: program) == offered, "\(line)")
    }
  }

  private func fish(_ line: String, in program: Program) throws -> [String] {
    let result = try program.shell(
      #"PATH=$(dirname "$0"):$PATH; exec fish --no-config -c '$argv[1] completions fish | source; complete -C $argv[2]' "$0" '\#(line)'"#
    )
    #expect(result.errors == "", "\(result.errors)")
    return result.output.split(separator: "\n").map { String($0.prefix { $0 != "\t" }) }
  }

  /// That zsh takes the script, and what it offers, by a terminal of its own.
  @Test(.enabled(if: has("zsh"))) func zshOffers() throws {
    let program = try program()
    for (line, offered) in [
      ("bitlab shutd", "bitlab shutdown "), ("bitlab shutdown --dr", "bitlab shutdown --drain "),
      ("bitlab logs tiny/f", "bitlab logs tiny/full-seed0 "), ("bitlab remove ot", "bitlab remove other"),
      // An experiment, then its runs, where runs are meant.
      ("bitlab logs oth", "bitlab logs other/"), ("bitlab logs other/", "bitlab logs other/one-seed3 "),
      ("bitlab cancel tiny/f", "bitlab cancel tiny/full-seed0 "),
      ("bitlab run configs/", "bitlab run configs/a.json "),
      (#"bitlab logs --results my\ folder th"#, #"bitlab logs --results my\ folder third/"#),
      (#"bitlab logs --results "my folder" third/"#, #"bitlab logs --results "my folder" third/one-seed0 "#),
      (#"bitlab --results my\ folder remove th"#, #"bitlab --results my\ folder remove third"#),
    ] {
      // A second zsh on a pseudo-terminal shows its line after the tab.
      let script = """
        zmodload zsh/zpty
        zpty shell zsh -f -i
        zpty -w shell "PS1= ; autoload -U compinit; compinit -D -u; source <($0 completions zsh)"
        zpty -w shell "report() { print -r -- \\"<\\$BUFFER>\\"; exit }; zle -N report; bindkey ^T report"
        zpty -w -n shell \(line.quotedForShell)$'\\t\\x14'
        while zpty -r shell text; do print -r -- $text; done
        """
      let result = try program.shell("exec zsh -f -c '\(script.replacing("'", with: "'\\''"))' \"$0\"")
      #expect(result.output.contains("<\(offered)"), "\(line): \(result)")
    }
  }

  @Test func theManualHasEveryVerbAndOption() throws {
    let page = try Program()("manual").output
    for verb in Verb.all { #expect(page.contains(".SS \"bitlab \(verb.name)")) }
    for option in Option.all {
      #expect(page.contains("\\fB\\-\\-\(option.name.replacing("-", with: "\\-"))\\fR"), "\(option.name)")
    }
  }
}

extension String {
  fileprivate var quotedForShell: String { "'" + replacing("'", with: "'\\''") + "'" }
}
