import Experiments
import Foundation
import JSON
import Networks

/// `bitlab bench [gemm|kernels|train|scaling]`: how fast this machine computes; all four for none named.
struct BenchVerb {
  enum Subject: String, CaseIterable {
    case gemm, kernels, train, scaling
  }

  let arguments: Arguments
  let console: Console

  func run() throws -> Int32 {
    let subjects = try arguments.operands.map { word in
      guard let subject = Subject(rawValue: word) else {
        let hint = Nearest.name(to: word, among: Subject.allCases.map(\.rawValue))
        throw UsageError(
          "nothing to measure is called `\(word)`" + (hint.map { ": did you mean `\($0)`?" } ?? ""))
      }
      return subject
    }
    let chosen = subjects.isEmpty ? Subject.allCases : subjects
    for option in arguments.benchOptions where !option.benchSubjects.contains(where: chosen.contains) {
      throw UsageError(
        "`\(option.spellings[0])` is an option of `bench "
          + option.benchSubjects.map(\.rawValue).joined(separator: "`, `") + "`")
    }
    var tables: [BenchTable] = []
    for subject in chosen {
      let table = try table(subject)
      tables.append(table)
      if !arguments.json { console.result(table.text) }
    }
    if arguments.json {
      let machine: [JSONMember] = [
        .init("cpu", .string(Machine.cpu)), .init("cores", .integer(Machine.cores)),
        .init("bitlab_version", .string(Machine.bitlabVersion)),
        .init("swift_version", .string(Machine.swiftVersion)),
      ]
      console.result(JSONObject(machine + tables.map { .init($0.name, $0.json) }).pretty)
    }
    return ExitCode.done
  }

  private func table(_ subject: Subject) throws -> BenchTable {
    let options = arguments.bench
    let progress: (String) -> Void = { console.detail("bench: \($0)") }
    return switch subject {
    case .gemm: GEMMBench(options, progress: progress).table()
    case .kernels: KernelBench(options, progress: progress).table()
    case .train: try TrainBench(options, progress: progress).table()
    case .scaling: try ScalingBench(options, progress: progress).table()
    }
  }
}

/// What the options of `bench` choose.
struct BenchOptions {
  var experiments = BenchedExperiment.allCases
  var bits = WeightPrecision.allCases
  /// nil for as many as there are cores.
  var threads: Int?
  /// Of measuring, a line.
  var seconds: Double?
  var method = QuantizationMethod.simpleBitNet
  /// Models trained at once on the same cores.
  var runs = 1
  var evaluates = false

  var threadCount: Int { threads ?? Machine.cores }
}
