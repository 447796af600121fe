import Foundation
import Testing

@testable import bitlab

/// What `bench` prints: shapes and keys, not speeds.
@Suite(.serialized) struct BenchTests {
  @Test func trainMeasuresWhatWasChosen() throws {
    let rows = try table(
      "train", "bench", "train", "--experiment", "mnist-ffn", "--bits", "2,1,2", "--threads", "1",
      "--seconds",
      "0.01",
      "--runs", "2")
    #expect(rows.map { $0["experiment"] as? String } == ["mnist-ffn", "mnist-ffn"])
    #expect(rows.map { $0["bits"] as? Int } == [2, 1])
    #expect(rows.allSatisfy { $0["images_per_second"] as? Double ?? 0 > 0 && $0["runs"] as? Int == 2 })
    // 784x128 forward and its gradient; the three small layers also back to their input.
    let work = Double(2 * 2 * 784 * 128 + 3 * 2 * (128 * 10 + 10 * 10 + 10 * 10))
    #expect(rows.allSatisfy { $0["mflop_per_image"] as? Double == work * 1e-6 })
  }

  @Test func productsAndKernelsAreAllMeasured() throws {
    let products = try table("gemm", "bench", "gemm", "--seconds", "0.01")
    #expect(products.first?["shape"] as? String == "registers" && products.count > 25)
    #expect(products.allSatisfy { $0["gflops"] as? Double ?? 0 > 0 && $0["speedup"] as? Double ?? 0 > 0 })
    let kernels = try table("kernels", "bench", "kernels", "--seconds", "0.01")
    #expect(kernels.count > 10 && kernels.allSatisfy { $0["nanoseconds_per_value"] as? Double ?? 0 > 0 })
    let low = try table("lowbit", "bench", "lowbit", "--seconds", "0.01")
    #expect(low.count >= 19 && low.allSatisfy { $0["per_second"] as? Double ?? 0 > 0 })
    #expect(
      low.filter { $0["by"] as? String == "float32" }.allSatisfy { $0["ratio_to_float32"] as? Double == 1 })
  }

  @Test(
    arguments: [
      (["bench", "trian"], "nothing to measure is called `trian`: did you mean `train`?"),
      (["bench", "--bits", "3"], "`--bits 3`: expected bits (32, 2, 1)"),
      (
        ["bench", "--experiment", "mnist-ffn,"], "`--experiment mnist-ffn,`: expected experiments (mnist-ffn"
      ),
      (["bench", "--seconds", "0"], "`--seconds 0`: expected a number of seconds above 0"),
      (["bench", "--runs", "none"], "`--runs none`: expected a number from 1 to 4096"),
      (["bench", "--threads", "2,4"], "`--threads 2,4`: expected a number from 1 to 4096"),
      (["bench", "gemm", "scaling", "--bits", "2"], "`--bits` is an option of `bench train`"),
      (
        ["bench", "kernels", "--threads", "2"],
        "`--threads` is an option of `bench gemm`, `lowbit`, `train`, `scaling`"
      ),
      (["status", "--threads", "2"], "`status` has no option `--threads`, which is for `bench`"),
      (["--evaluate", "run"], "`run` has no option `--evaluate`, which is for `bench`"),
    ])
  func whatIsWrongIsSaid(words: [String], problem: String) {
    let streams = CapturedStreams()
    #expect(BitLab.main(words, environment: [:], streams: streams) == 2)
    #expect(streams.text(STDERR_FILENO).hasPrefix("bitlab: \(problem)"), "\(streams.text(STDERR_FILENO))")
  }

  private func table(_ name: String, _ words: String...) throws -> [[String: Any]] {
    let streams = CapturedStreams()
    #expect(BitLab.main(words + ["--json"], environment: [:], streams: streams) == 0)
    let value =
      try JSONSerialization.jsonObject(with: Data(streams.text(STDOUT_FILENO).utf8)) as? [String: Any]
    #expect(value?["cpu"] is String)
    return try #require(value?[name] as? [[String: Any]])
  }
}
