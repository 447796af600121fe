import Experiments
import Files
import JSON
import TensorCore

/// `bitlab export RUN --format packed|safetensors|transformers [--output PATH]`: a run's model, to be used elsewhere.
struct ExportVerb {
  enum Format: String, CaseIterable {
    case packed, safetensors, transformers

    /// What is written into the run's folder where no other place is named.
    var fileName: String {
      switch self {
      case .packed: "packed.safetensors"
      case .safetensors: "effective.safetensors"
      case .transformers: "transformers"
      }
    }
  }

  static let verb = Verb(
    "export", "write a completed run's model in a format for use elsewhere", .run,
    options: [
      Option(
        "format", .choice("NAME"), \.format,
        "packed: weights in 2 bits or 1; safetensors: float32, as products see them; transformers: a folder for from_pretrained"
      ),
      Option("output", .path, \.output, "the file or folder to write (default: in the run's folder)"),
      .results,
    ],
    details: """
      RUN is <experiment>/<run id>. Without --output writes packed.safetensors, effective.safetensors or transformers/ into the run's folder. What is there under that name is replaced.
      Layers of bitnet normalize and round their inputs, which plain linear layers do not: such models leave packed alone.
      """,
    exitCodes: [
      (0, "written"), (2, "there is no such run, it has not completed, or cannot leave in the format"),
      (65, "its weights are damaged, or not there"),
    ]
  ) { try ExportVerb(arguments: $0, console: $1).run() }

  let arguments: Arguments
  let console: Console
  private let files: any FileSystem = POSIXFileSystem()

  func run() throws -> Int32 {
    let word = arguments.operands[0]
    guard let format = arguments.format else {
      throw UsageError("export needs --format " + Format.allCases.map(\.rawValue).joined(separator: "|"))
    }
    let folder = try completedRun(word)
    let output = arguments.output ?? FilePath.join(folder.path, format.fileName)
    if format != .transformers, (try? files.list(output)) != nil {
      throw UsageError("\(output) is a folder: name a file in it")
    }
    do {
      let model = try WeightFile(reading: folder.modelFile, in: files)
      try write(model, as: format, to: output)
    } catch let refusal as WeightFile.Refusal {
      throw UsageError("\(word) cannot leave as \(format.rawValue): \(refusal)")
    } catch let error as FileContentError {
      console.error("\(error)")
      return ExitCode.data
    } catch let error as FileError where error.isMissing && error.path == folder.modelFile {
      console.error("\(folder.modelFile): there is no such file: train the run again")
      return ExitCode.data
    }
    if arguments.json {
      console.result(
        JSONObject([
          .init("run", .string(word)), .init("format", .string(format.rawValue)),
          .init("path", .string(output)),
        ]).pretty)
    } else {
      console.outcome("\(word): written to \(output)")
    }
    return ExitCode.done
  }

  private func write(_ model: WeightFile, as format: Format, to path: String) throws {
    let team = Team(pool: ComputePool(cores: Machine.cores))
    switch format {
    case .packed:
      let twoBit = try model.writePacked(to: path, team, in: files)
      if !twoBit.isEmpty {
        console.info(
          "stored in two bits a weight, since they have exact zeros: " + twoBit.joined(separator: ", "))
      }
    case .safetensors: try model.writeEffective(to: path, team, in: files)
    case .transformers: try model.writeTransformers(to: path, team, in: files)
    }
  }

  /// The run's folder. Throws `UsageError` for one that is not there or has not completed.
  private func completedRun(_ word: String) throws -> RunFolder {
    let parts = word.split(separator: "/", maxSplits: 1).map(String.init)
    guard parts.count == 2, ExperimentFolder.isName(parts[0]), ExperimentFolder.isName(parts[1]) else {
      throw UsageError("export: `\(word)` is no run, as <experiment>/<run id>")
    }
    let folder = ResultsFolder(arguments.results).experiment(parts[0]).run(parts[1])
    guard files.exists(folder.recordFile) else {
      let runs = (try? files.list(folder.parent)) ?? []
      let near = Nearest.name(to: parts[1], among: runs).map { ": did you mean `\(parts[0])/\($0)`?" }
      throw UsageError("no run `\(word)` in \(arguments.results)" + (near ?? ""))
    }
    let record = try RunRecord(reading: folder.recordFile, in: files)
    guard record.status == .completed else {
      throw UsageError(
        "\(word) has not completed, its status is \(record.status.rawValue): only completed runs have a model to export"
      )
    }
    return folder
  }
}
