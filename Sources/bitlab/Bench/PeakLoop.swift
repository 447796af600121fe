import CSIMD
import TensorCore

/// A loop of nothing but multiply-adds in registers: as fast as the CPU computes.
///
/// Its vectors are those that the build's instructions have, so that the twelve sums stay in registers.
enum PeakLoop {
  private static let tasks = 16
  private static let iterations = 200_000
  private static let chains = 12
  private static var lanes: Int { csimd_has_avx512() != 0 ? 16 : csimd_has_fma() != 0 ? 8 : 4 }

  /// Multiplications and additions of one run.
  static var operations: Double { Double(tasks * iterations * chains * 2 * lanes) }

  static func run(_ team: Team) {
    team.forEach(tasks) { _, _ in
      switch lanes {
      case 16: loop(SIMD16<Float>.self)
      case 8: loop(SIMD8<Float>.self)
      default: loop(SIMD4<Float>.self)
      }
    }
  }

  /// Twelve independent chains: more than the multiply-adds that are under way at any moment.
  @inline(never)
  private static func loop<Lanes: SIMD>(_: Lanes.Type) where Lanes.Scalar == Float {
    let (x, y) = (Lanes(repeating: 0.3), Lanes(repeating: 0.1))
    func next(_ sum: Lanes) -> Lanes { csimd_has_fma() != 0 ? y.addingProduct(sum, x) : sum * x + y }
    var sums = (0..<chains).map { Lanes(repeating: Float($0)) }
    sums.withUnsafeMutableBufferPointer { sums in
      var (c0, c1, c2, c3, c4, c5) = (sums[0], sums[1], sums[2], sums[3], sums[4], sums[5])
      var (c6, c7, c8, c9, c10, c11) = (sums[6], sums[7], sums[8], sums[9], sums[10], sums[11])
      for _ in 0..<iterations {
        (c0, c1, c2, c3, c4, c5) = (next(c0), next(c1), next(c2), next(c3), next(c4), next(c5))
        (c6, c7, c8, c9, c10, c11) = (next(c6), next(c7), next(c8), next(c9), next(c10), next(c11))
      }
      sums[0] = c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9 + c10 + c11
    }
    precondition(sums[0][0].isFinite)
  }
}
