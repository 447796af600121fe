import CSIMD
import TensorCore

/// A loop of nothing but multiply-adds in registers: as fast as the CPU computes.
///
/// Twelve registers of sums, which is more than the multiply-adds that are under way at any moment; a `SIMD16` takes one,
/// two or four of them.
enum PeakLoop {
  private typealias Vector = SIMD16<Float>

  private static let tasks = 16
  private static let iterations = 200_000
  private static var chains: Int { csimd_has_avx512() != 0 ? 12 : csimd_has_fma() != 0 ? 6 : 3 }

  /// Multiplications and additions of one run.
  static var operations: Double { Double(tasks * iterations * chains * 2 * Vector.scalarCount) }

  static func run(_ team: Team) {
    team.forEach(tasks) { _, _ in
      switch chains {
      case 12: Chains<12>.run()
      case 6: Chains<6>.run()
      default: Chains<3>.run()
      }
    }
  }

  private enum Chains<let count: Int> {
    @inline(never)
    static func run() {
      let (x, y) = (Vector(repeating: 0.3), Vector(repeating: 0.1))
      var sums = InlineArray<count, Vector>(repeating: x)
      for chain in 0..<count { sums[chain] += Float(chain) }
      for _ in 0..<iterations {
        for chain in 0..<count {
          sums[chain] = csimd_has_fma() != 0 ? y.addingProduct(sums[chain], x) : sums[chain] * x + y
        }
      }
      var total = Vector.zero
      for chain in 0..<count { total += sums[chain] }
      precondition(total.sum().isFinite)
    }
  }
}
