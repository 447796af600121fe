import Experiments
import Files
import JSON

/// `bitlab summary [EXPERIMENT...]`: what came out of experiments, from the files alone.
struct SummaryVerb {
  static let verb = Verb(
    "summary", "print what came out of experiments, all of them or those named",
    Operands("[EXPERIMENT...]", .experiment), options: [.results],
    details:
      "Reads the runs' records under the results folder, so it also shows how far unfinished experiments are.",
    exitCodes: [(0, "done"), (2, "there is no such experiment"), (65, "a file is damaged")]
  ) { try SummaryVerb(arguments: $0, console: $1).run() }

  let arguments: Arguments
  let console: Console
  private let files: any FileSystem = POSIXFileSystem()

  func run() throws -> Int32 {
    let results = ResultsFolder(arguments.results)
    let names = try results.experimentNames(in: files)
    let wanted =
      arguments.operands.isEmpty
      ? names : try Glob.experiments(arguments.operands, among: names, in: arguments.results)
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
      console.result(
        summaries.map { "\($0.experiment)\n\($0.table(width: console.columnsOfResults))" }.joined(
          separator: "\n\n"))
    }
    return exitCode
  }

  private func summary(_ name: String, _ results: ResultsFolder) throws -> Summary {
    let folder = results.experiment(name)
    let experiment = try Experiment(bytes: try files.readAll(folder.configFile), path: folder.configFile)
    return try ExperimentReport(experiment: experiment, name: name, folder: folder, files: files).summary()
  }
}
