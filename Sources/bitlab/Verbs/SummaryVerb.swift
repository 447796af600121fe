import Experiments
import Files
import JSON

/// `bitlab summary [EXPERIMENT...]`: what came out of experiments, from the files alone.
struct SummaryVerb {
  private let arguments: Arguments
  private let console: Console
  private let files: any FileSystem = POSIXFileSystem()

  init(_ arguments: Arguments, _ console: Console) {
    self.arguments = arguments
    self.console = console
  }

  func run() throws -> Int32 {
    let results = ResultsFolder(arguments.results)
    let names = try results.experimentNames(in: files)
    for name in arguments.operands where !names.contains(name) {
      let hint = Nearest.name(to: name, among: names).map { ": did you mean `\($0)`?" }
      throw UsageError("no experiment `\(name)` in \(arguments.results)" + (hint ?? ""))
    }
    let wanted = arguments.operands.isEmpty ? names : arguments.operands
    var exitCode = ExitCode.done
    var summaries: [Summary] = []
    for name in wanted {
      do {
        summaries.append(try summary(name, results))
      } catch {
        console.diagnostics("\(error)")
        exitCode = ExitCode.data
      }
    }
    if arguments.json {
      console.result(JSONValue.array(summaries.map(\.jsonValue)).pretty)
    } else if wanted.isEmpty {
      console.info("no experiments in \(arguments.results)")
    } else {
      console.result(summaries.map { "\($0.experiment)\n\($0.table)" }.joined(separator: "\n\n"))
    }
    return exitCode
  }

  private func summary(_ name: String, _ results: ResultsFolder) throws -> Summary {
    let folder = results.experiment(name)
    let experiment = try Experiment(bytes: try files.readAll(folder.configFile), path: folder.configFile)
    return try ExperimentReport(experiment: experiment, name: name, folder: folder, files: files).summary()
  }
}
