import Foundation
import Testing

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
      (["data"], "data needs `list` or `verify`"),
      (["data", "lst"], "data does not know `lst`: did you mean `list`?"),
      (["data", "verify", "minst"], "unknown data set `minst`: did you mean `mnist`?"),
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
    for verb in ["run", "validate", "summary", "data"] {
      #expect(help.output.contains("\n  \(verb) "))
      for arguments in [[verb, "--help"], ["-h", verb]] {
        let result = try program.run(after: ":", arguments)
        #expect(result.code == 0 && result.output.hasPrefix("usage: bitlab \(verb) ") && result.errors == "")
        for option in ["--results DIR", "--data DIR", "--jobs N", "--json", "-v, -q", "--color", "--version"]
        {
          #expect(result.output.contains(option))
        }
      }
    }
  }

  @Test func optionsMayStandAnywhere() throws {
    let program = try Program()
    try program.put(ConfigText(seeds: "[0]").text, as: "-tiny.json")
    #expect(try program("-q", "--results=a", "-j", "1", "run", "--", "-tiny.json").code == 0)
    #expect(try program.names("a") == [".bitlab", "tiny"])
    let result = try program("run", "-tiny.json")
    #expect(result.code == 2 && result.errors.contains("unknown option `-tiny.json`"))
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
