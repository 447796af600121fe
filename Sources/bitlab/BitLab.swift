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
    if arguments.wantsVersion {
      console.result(
        arguments.json
          ? JSONValue.object([.init("version", .string(Machine.bitlabVersion))]).pretty
          : "bitlab \(Machine.bitlabVersion)")
      return ExitCode.done
    }
    if arguments.wantsHelp {
      let text = arguments.verb.map(Help.verb) ?? Help.general
      console.result(arguments.json ? JSONValue.object([.init("help", .string(text))]).pretty : text)
      return ExitCode.done
    }
    guard let verb = arguments.verb else {
      console.diagnostics(Help.general)
      return ExitCode.usage
    }
    do {
      switch verb {
      case .run: return try RunVerb(arguments, console).run()
      case .validate: return try ValidateVerb(arguments, console).run()
      case .summary: return try SummaryVerb(arguments, console).run()
      case .data: return try DataVerb(arguments, console).run()
      case .bench: return try BenchVerb(arguments: arguments, console: console).run()
      case .daemon: return try DaemonVerb(arguments, console).run()
      case .submit: return try SubmitVerb(arguments: arguments, console: console).run()
      case .status: return try StatusVerb(arguments: arguments, console: console).run()
      case .watch: return try WatchVerb(arguments: arguments, console: console).run()
      case .logs: return try LogsVerb(arguments: arguments, console: console).run()
      case .wait: return try WaitVerb(arguments: arguments, console: console).run()
      case .pause: return try SteerVerb(command: .pause, arguments: arguments, console: console).run()
      case .resume: return try SteerVerb(command: .resume, arguments: arguments, console: console).run()
      case .cancel: return try SteerVerb(command: .cancel, arguments: arguments, console: console).run()
      case .restart: return try SteerVerb(command: .restart, arguments: arguments, console: console).run()
      case .remove: return try RemoveVerb(arguments, console).run()
      case .shutdown: return try ShutdownVerb(arguments: arguments, console: console).run()
      }
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
      console.error("\(held)" + (verb == .run ? "; a daemon takes the config with `bitlab submit`" : ""))
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
}
