import Foundation

// bitlab-benchmarks queue [--counts N ...] [--run-all] [--no-watch]
// bitlab-benchmarks latency [--rounds N]
// bitlab-benchmarks overhead [--experiment NAME ...] [--bits 32 2 1] [--rounds N] [--configs DIR]
// bitlab-benchmarks tables [--seconds N]
//
// The daemon as a process: how it takes many configs at once, how soon a run begins, and what it adds to the bare
// arithmetic; and what the live table takes of a run in the foreground. All take --bitlab PROGRAM (default: beside this one), --folder DIR (where temporary folders are made, on a
// disk; default .build/benchmarks), --data DIR, and --json.

let words = Array(CommandLine.arguments.dropFirst())
do {
  func options(_ known: Set<String>) throws -> CommandOptions {
    try CommandOptions(words.dropFirst(), known: known)
  }
  switch words.first {
  case "queue": try QueueBenchmark(options(QueueBenchmark.options)).run()
  case "latency": try LatencyBenchmark(options(LatencyBenchmark.options)).run()
  case "overhead": try OverheadBenchmark(options(OverheadBenchmark.options)).run()
  case "tables": try TablesBenchmark(options(TablesBenchmark.options)).run()
  default: throw BenchmarkProblem("expected `queue`, `latency`, `overhead` or `tables`")
  }
} catch {
  FileHandle.standardError.write(Data("bitlab-benchmarks: \(error)\n".utf8))
  exit(2)
}
