import Foundation

// bitlab-benchmarks gemm [SECONDS]
//
// Matrix products on one core, beside the rate of fused multiply-adds alone.
//
// bitlab-benchmarks train [--experiment NAME ...] [--bits 32 2 1] [--threads N] [--seconds S] [--evaluate]
//
// Training steps of the three experiments on random data, timed: the same loop, options and JSON lines as
// pytorch_peer.py, so that the two can be run in turn and compared.

let words = Array(CommandLine.arguments.dropFirst())
if words.first == "gemm" {
  GEMMBenchmark().run(seconds: words.dropFirst().first.flatMap { Double($0) } ?? 10)
  exit(0)
}
do {
  let options = try TrainingBenchmark.Options(words)
  TrainingBenchmark(options).run()
} catch {
  FileHandle.standardError.write(Data("bitlab-benchmarks: \(error)\n".utf8))
  exit(2)
}
