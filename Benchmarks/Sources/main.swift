import Foundation

// bitlab-benchmarks train [--experiment NAME ...] [--bits 32 2 1] [--threads N] [--seconds S] [--evaluate]
//
// Training steps of the three experiments on random data, timed: the same loop, options and JSON lines as
// pytorch_peer.py, so that the two can be run in turn and compared.

do {
  let options = try TrainingBenchmark.Options(Array(CommandLine.arguments.dropFirst()))
  TrainingBenchmark(options).run()
} catch {
  FileHandle.standardError.write(Data("bitlab-benchmarks: \(error)\n".utf8))
  exit(2)
}
