import Experiments
import Foundation
import JSON
import Networks

/// `bitlab bench [gemm|kernels|lowbit|train|scaling]`: how fast this machine computes; all five for none named.
struct BenchVerb {
  static let verb = Verb(
    "bench", "measure matrix products, kernels and training steps on this machine",
    Operands("[gemm|kernels|lowbit|train|scaling]...", .words(Subject.names, then: Subject.names)),
    options: options.map(\.option),
    details: """
      gemm: products at the training's shapes, beside a loop of multiply-adds in registers.
      kernels: what is not a product.
      lowbit: quantized products, training steps and evaluations, each beside float32 in the same turn.
      train: training steps of the article's three experiments on random data.
      scaling: time against batch, width, tokens, layers and runs at once.
      Without arguments all five. Wants a machine that does nothing else; -v says how far it is.
      """
  ) { try BenchVerb(arguments: $0, console: $1).run() }

  /// Its options, and what heeds each.
  private static let options: [(option: Option, subjects: [Subject])] = [
    (
      Option(
        "experiment",
        .several("NAME", "experiments", of: BenchedExperiment.allCases.map(\.rawValue)) {
          .init(rawValue: $0)
        },
        \.bench.experiments, "for train (default: all)"), [.train]
    ),
    (
      Option(
        "bits",
        .several("BITS", "bits", of: ["32", "2", "1"]) { Int($0).flatMap(WeightPrecision.init(rawValue:)) },
        \.bench.bits, "for train: of the weights (default: 32,2,1)"), [.train]
    ),
    (
      Option(
        "method", .choice("NAME"), \.bench.method,
        "for train: simple-bitnet or bitnet (default: simple-bitnet)"), [.train]
    ),
    (
      Option(
        "runs", .count, \.bench.runs, "for train: models trained at once on the same cores (default: 1)"),
      [.train]
    ),
    (Option("evaluate", \.bench.evaluates, true, "for train: evaluation instead of training"), [.train]),
    (
      Option(
        "threads", .count, \.bench.threads,
        "for gemm, lowbit, train and scaling: cores to use (default: all that the process may use)"),
      [.gemm, .lowbit, .train, .scaling]
    ),
    (
      Option(
        "seconds",
        OptionValue("S", "a number of seconds above 0") {
          Double($0).flatMap { $0 > 0 && $0 < 1e6 ? $0 : nil }
        },
        \.bench.seconds,
        "how long to measure: a line of train (default: 6), all of gemm or lowbit (20) or of kernels (6); scaling takes half "
          + "of it (1) for each of five rounds of a line"), Subject.allCases
    ),
  ]

  enum Subject: String, CaseIterable {
    case gemm, kernels, lowbit, train, scaling

    static let names = allCases.map(\.rawValue)
  }

  let arguments: Arguments
  let console: Console

  func run() throws -> Int32 {
    let subjects = try arguments.operands.map { word in
      guard let subject = Subject(rawValue: word) else {
        let hint = Nearest.name(to: word, among: Subject.names)
        throw UsageError(
          "nothing to measure is called `\(word)`" + (hint.map { ": did you mean `\($0)`?" } ?? ""))
      }
      return subject
    }
    let chosen = subjects.isEmpty ? Subject.allCases : subjects
    for given in arguments.options {
      guard let option = Self.options.first(where: { $0.option.name == given.name }) else { continue }
      guard !option.subjects.contains(where: chosen.contains) else { continue }
      throw UsageError(
        "`\(given.spelling)` is an option of `bench "
          + option.subjects.map(\.rawValue).joined(separator: "`, `") + "`")
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
    case .lowbit: try LowBitBench(options, progress: progress).table()
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
