import Experiments
import Files
import JSON
import Scheduler

/// The program: from words to an exit code.
enum BitLab {
  /// The process's own words.
  static func main() -> Int32 {
    do {
      let process = try ProcessWords()
      return main(process.words, environment: process.environment)
    } catch {
      let console = Console(Arguments(), environment: [:])
      console.error("\(error)")
      return finish(ExitCode.usage, console, Arguments())
    }
  }

  static func main(
    _ words: [String], environment: [String: String], streams: any OutputStreams = StandardStreams()
  ) -> Int32 {
    let arguments: Arguments
    do {
      arguments = try Arguments(words, environment: environment)
    } catch {
      var plain = Arguments()
      plain.json = words.contains("--json")
      let console = Console(plain, environment: environment, streams: streams)
      console.error("\(error)")
      return finish(ExitCode.usage, console, plain)
    }
    let console = Console(arguments, environment: environment, streams: streams)
    return finish(run(arguments, console), console, arguments)
  }

  /// A program that asked for JSON gets one value, whatever happened.
  private static func finish(_ exitCode: Int32, _ console: Console, _ arguments: Arguments) -> Int32 {
    if arguments.json, !console.hasPrintedResult {
      let problem = JSONValue.object([
        .init("error", .init(console.lastProblem)), .init("exit_code", .integer(Int(exitCode))),
      ])
      console.result(problem.pretty)
    }
    console.flush()
    return exitCode == ExitCode.done && console.hasLostResults ? ExitCode.failure : exitCode
  }

  private static func run(_ arguments: Arguments, _ console: Console) -> Int32 {
    if arguments.wantsVersion { return Help.showVersion(arguments, console) }
    if arguments.wantsHelp { return Help.show(arguments.verb, arguments, console) }
    guard let verb = arguments.verb else {
      console.diagnostics(Help.general)
      return ExitCode.usage
    }
    do {
      return try verb.run(arguments, console)
    } catch let error as UsageError {
      console.error("\(error) (usage: \(verb.usage))")
      return ExitCode.usage
    } catch let error as NotConfirmed {
      console.error("\(error)")
      return ExitCode.usage
    } catch let error as NoDaemon {
      console.error("\(error)")
      return ExitCode.noDaemon
    } catch let error as ForeignFolder {
      console.error("\(error)")
      return ExitCode.noDaemon
    } catch let held as FileLock.Held {
      console.error(
        "\(held)" + (verb.name == RunVerb.verb.name ? "; a daemon takes the config with `bitlab submit`" : "")
      )
      return ExitCode.tryAgain
    } catch ControlError.disconnected(let path) {
      console.error("the daemon ended before it had answered (\(path))")
      return ExitCode.noDaemon
    } catch let error as DaemonFailure where error.isUsage {
      console.error("\(error)")
      return ExitCode.usage
    } catch {
      console.error("\(error)")
      return ExitCode.failure
    }
  }
}

/// What the program returns, after sysexits where that has a code.
enum ExitCode {
  static let done: Int32 = 0
  /// A run failed or diverged.
  static let failure: Int32 = 1
  static let usage: Int32 = 2
  /// Bad or missing data, damaged files.
  static let data: Int32 = 65
  static let noInput: Int32 = 66
  /// No daemon runs, and the verb needs one.
  static let noDaemon: Int32 = 69
  /// Another process holds the results folder.
  static let tryAgain: Int32 = 75
  static let configuration: Int32 = 78

  static func signal(_ number: Int32) -> Int32 { 128 + number }

  /// For people, in order.
  static let meanings: [(code: String, meaning: String)] = [
    ("\(done)", "Done."), ("\(failure)", "A run failed or diverged, or the work could not be done."),
    ("\(usage)", "The command line says nothing that can be done."),
    ("\(data)", "Data are bad or missing, or a file is damaged."), ("\(noInput)", "There is no such config."),
    ("\(noDaemon)", "No daemon runs, and the verb needs one."),
    ("\(tryAgain)", "Another process holds the results folder or the watched one."),
    ("\(configuration)", "A config is wrong."), ("128+n", "Ended by signal n."),
  ]
}
