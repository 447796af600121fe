import Foundation

// bitlab-benchmarks gemm [--seconds S] [--only TEXT]
//
// Matrix products on one core, beside the rate of fused multiply-adds alone.
//
// bitlab-benchmarks train [--experiment NAME ...] [--bits 32 2 1] [--threads N] [--seconds S] [--evaluate]
//
// Training steps of the three experiments on random data, timed: the same loop, options and JSON lines as
// pytorch_peer.py, so that the two can be run in turn and compared.

// bitlab-benchmarks queue [--counts N ...] [--run-all] [--no-watch]
// bitlab-benchmarks latency [--rounds N]
// bitlab-benchmarks overhead [--experiment NAME ...] [--bits 32 2 1] [--rounds N] [--configs DIR]
//
// The daemon as a process: how it takes many configs at once, how soon a run begins, and what it adds to the bare
// arithmetic. All take --bitlab PROGRAM (default: beside this one), --folder DIR (where temporary folders are made, on a
// disk; default .build/benchmarks), --data DIR, and --json.

let words = Array(CommandLine.arguments.dropFirst())
do {
  func options(_ known: Set<String>) throws -> CommandOptions {
    try CommandOptions(words.dropFirst(), known: known)
  }
  switch words.first {
  case "gemm":
    let options = try options(["--seconds", "--only"])
    GEMMBenchmark().run(
      seconds: try options.value("--seconds", 10) { Double($0) },
      only: try options.value("--only", "", CommandOptions.text))
  case "train":
    TrainingBenchmark(try TrainingBenchmark.Options(options(TrainingBenchmark.Options.known))).run()
  case "queue": try QueueBenchmark(options(QueueBenchmark.options)).run()
  case "latency": try LatencyBenchmark(options(LatencyBenchmark.options)).run()
  case "overhead": try OverheadBenchmark(options(OverheadBenchmark.options)).run()
  default: throw BenchmarkProblem("expected `train`, `gemm`, `queue`, `latency` or `overhead`")
  }
} catch {
  FileHandle.standardError.write(Data("bitlab-benchmarks: \(error)\n".utf8))
  exit(2)
}
