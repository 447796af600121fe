import Foundation
import TensorCore
import Testing

@testable import bitlab

/// The command line itself.
struct UsageTests {
  /// Whatever happens, a program that asked for JSON gets one value.
  @Test(arguments: [
    ["--version", "--json"], ["--help", "--json"], ["run", "--json"], ["run", "none.json", "--json"],
    ["summary", "none", "--json"], ["frobnicate", "--json"],
  ]) func jsonAlways(arguments: [String]) throws {
    let program = try Program()
    let process = program.process(arguments)
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(try program.json(output) is [String: Any], "\(output)")
  }

  @Test(
    arguments: [
      (["ru", "x"], "unknown verb `ru`: did you mean `run`?"),
      (["sumary"], "unknown verb `sumary`: did you mean `summary`?"),
      (["demon"], "unknown verb `demon`: did you mean `daemon`?"),
      (["run", "x", "--result", "r"], "unknown option `--result`: did you mean `--results`?"),
      (["run", "x", "--jbos=2"], "unknown option `--jbos`: did you mean `--jobs`?"),
      (["run", "x", "--jobs", "0"], "`--jobs 0`: expected a number from 1 to 4096"),
      (["run", "x", "--jobs", "many"], "`--jobs many`: expected a number from 1 to 4096"),
      (["run", "x", "--jobs"], "`--jobs` needs a number from 1 to 4096"),
      (["run", "x", "--color", "pink"], "`--color pink`: expected auto, always or never"),
      (["run", "x", "--json=yes"], "`--json` takes no value"),
      (["run", "x", "--results="], "`--results` needs the name of a folder"),
      (["run"], "run needs at least one config"), (["validate"], "validate needs at least one config"),
      (["data"], "data needs `list` or `verify` or `fetch`"),
      (["data", "lst"], "data does not know `lst`: did you mean `list`?"),
      (["data", "verify", "minst"], "unknown data set `minst`: did you mean `mnist`?"),
      (["validate", "x", "--drain"], "`validate` has no option `--drain`, which is for `shutdown`"),
      (
        ["--all", "wait"], "`wait` has no option `--all`, which is for `pause`, `resume`, `cancel`, `restart`"
      ),
      (["cancel", "x", "--faild"], "unknown option `--faild`: did you mean `--failed`?"),
      (["bench", "gemm", "--bits=2"], "`--bits` is an option of `bench train`"),
      (["run", "x", "-j0"], "`--jobs 0`: expected a number from 1 to 4096"),
      (["run", "x", "-qx"], "unknown option `-x` in `-qx`"),
      (["run", "x", "-q=1"], "`-q` takes no value"), (["daemon", "x"], "daemon takes no arguments"),
      (["logs"], "logs needs a run"), (["logs", "a/b", "c/d"], "logs takes one run, not 2"),
      (["help", "runn"], "unknown verb `runn`: did you mean `run`?"),
      (["completions", "bsh"], "no completions for `bsh`: did you mean `bash`?"),
      (["remove"], "remove needs at least one experiment"),
    ])
  func whatIsWrongIsSaid(arguments: [String], problem: String) throws {
    let program = try Program()
    let result = try program.run(after: ":", arguments)
    #expect(result.code == 2 && result.output == "")
    #expect(result.errors.hasPrefix("bitlab: \(problem)"), "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1)
    #expect(try program.names(".").filter { !$0.hasPrefix(".") } == [])
  }

  @Test func nothingAtAllIsAnsweredWithTheHelp() throws {
    let result = try Program()()
    #expect(result.code == 2 && result.output == "" && result.errors.contains("usage: bitlab VERB"))
  }

  @Test func helpAndVersionAreResults() throws {
    let program = try Program()
    let version = try program("--version")
    #expect(version.code == 0 && version.output.contains(/^bitlab \d+\.\d+\.\d+\n$/) && version.errors == "")
    let help = try program("--help")
    #expect(help.code == 0 && help.errors == "")
    #expect(try program("version").output == version.output && program("help").output == help.output)
    for verb in Verb.all {
      #expect(help.output.contains("\n  \(verb.name) "))
      var texts: [String] = []
      for arguments in [[verb.name, "--help"], ["-h", verb.name], ["help", verb.name]] {
        let result = try program.run(after: ":", arguments)
        #expect(result.code == 0 && result.errors == "", "\(result)")
        texts.append(result.output)
      }
      let text = texts[0]
      #expect(Set(texts).count == 1 && text.hasPrefix("usage: bitlab \(verb.name) "))
      // What it heeds, and nothing else.
      for option in Option.all {
        let isThere = text.split(whereSeparator: \.isNewline).contains { line in
          line.hasPrefix("      \(option.spelling)") || line.dropFirst(6) == option.spelling
            || (option.letter.map { line.hasPrefix("  -\($0), \(option.spelling)") } ?? false)
        }
        #expect(isThere == verb.heeds(option), "\(option.name)")
      }
      #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(text)")
    }
  }

  @Test func lettersStandAloneOrTogether() throws {
    for words in [["-j2"], ["-j", "2"], ["-j=2"], ["--jobs=2"], ["-qj2"], ["-vqj", "2"]] {
      let arguments = try Arguments(words + ["run", "x"], environment: [:])
      #expect(arguments.slots == 2 && arguments.operands == ["x"], "\(words)")
    }
    #expect(try Arguments(["-vq"], environment: [:]).verbosity == .quiet)
    let long = try Arguments(["run", "--", "-j2", "--", "-"], environment: [:])
    #expect(long.operands == ["-j2", "--", "-"] && long.jobs == nil)
  }

  @Test func variablesGiveWhatTheCommandLineDoesNot() throws {
    let environment = ["BITLAB_RESULTS": "r", "BITLAB_CONFIGS": "c", "BITLAB_DATA": ""]
    let arguments = try Arguments(["daemon"], environment: environment)
    #expect(arguments.results == "r" && arguments.configs == "c" && arguments.data == "data")
    #expect(try Arguments(["daemon", "--results", "s"], environment: environment).results == "s")
    let program = try Program()
    try program.put(ConfigText(seeds: "[0]").text, as: "tiny.json")
    #expect(try program("run", "tiny.json", "-q", environment: ["BITLAB_RESULTS": "elsewhere"]).code == 0)
    #expect(program.exists("elsewhere/tiny/summary.csv") && !program.exists("results"))
  }

  /// Whole numbers have the same sums whatever instructions add them up.
  @Test func kernelsCanBeChosenAndGiveTheSameBytes() throws {
    let program = try Program()
    let variants =
      #"{"name": "two", "bits": 2, "method": "bitnet"}, {"name": "one", "bits": 1, "method": "bitnet"}"#
    try program.put(ConfigText(variants: variants, seeds: "[0]").text, as: "tiny.json")
    var results: [[String: [UInt8]]] = []
    for kernel in IntegerKernel.available.map(\.rawValue) + [""] {
      let run = try program(
        "run", "tiny.json", "-v", "--results", "r-\(kernel)", environment: ["BITLAB_KERNELS": kernel])
      let used = kernel.isEmpty ? IntegerKernel.available.last!.rawValue : kernel
      #expect(run.code == 0 && run.errors.contains(", \(used) integer kernels"), "\(run)")
      results.append(try program.results("r-\(kernel)/tiny"))
    }
    #expect(results.count >= 2 && Set(results).count == 1 && !results[0].isEmpty)
    let wrong = try program("run", "tiny.json", environment: ["BITLAB_KERNELS": "abacus"])
    #expect(
      wrong.code == 2
        && wrong.errors.contains("BITLAB_KERNELS=abacus: this CPU has no such kernels, it has portable"),
      "\(wrong)")
  }

  @Test func optionsMayStandAnywhere() throws {
    let program = try Program()
    try program.put(ConfigText(seeds: "[0]").text, as: "-tiny.json")
    #expect(try program("-q", "--results=a", "-j", "1", "run", "--", "-tiny.json").code == 0)
    #expect(try program.names("a") == [".bitlab", "tiny"])
    let result = try program("run", "-tiny.json")
    #expect(result.code == 2 && result.errors.contains("unknown option `-t` in `-tiny.json`"))
  }

  @Test func aResultThatCannotBeWrittenIsAFailure() throws {
    let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
    let result = try Program()("--version", output: full)
    #expect(result.code == 1 && result.errors.contains("cannot write to stdout: No space left on device"))
  }

  /// Whatever way it comes to stdout.
  @Test(arguments: [
    ["logs", "tiny/two-seed0"], ["logs", "-f", "tiny/two-seed0"], ["logs", "--json", "-f", "tiny/two-seed0"],
    ["status"], ["status", "--json"], ["summary"], ["validate", "tiny.json"], ["data", "list"],
  ])
  func theSameForEveryVerb(arguments: [String]) throws {
    let program = try Program()
    try program.put(ConfigText(variants: #"{"name": "two", "bits": 2}"#, seeds: "[0]").text, as: "tiny.json")
    #expect(try program("run", "tiny.json", "-q").code == 0)
    let words = arguments.map { "'\($0)'" }.joined(separator: " ")
    let result = try program.shell(#"exec "$0" \#(words) > /dev/full"#)
    #expect(result.code == 1 && result.errors.contains("cannot write to stdout: No space left on device"))
  }

  @Test func aReaderThatHasGoneIsNot() throws {
    let pipe = Pipe()
    try pipe.fileHandleForReading.close()
    let result = try Program()("--help", output: pipe.fileHandleForWriting)
    #expect(result.code == 0 && result.errors == "")
  }
}
