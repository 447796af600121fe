import Foundation

/// An independent sequence of random numbers for one seed and one purpose.
///
/// The same seed and purpose give the same numbers whatever else is drawn, in whatever order, on whatever thread:
/// tensors of the same name start equal in every variant of an experiment.
package struct RandomStream: RandomNumberGenerator, Sendable {
  private let philox: Philox
  private var counter: UInt64 = 0
  private var block = SIMD4<UInt32>()
  private var used = 4

  /// - Parameter purpose: what the numbers are for: a tensor's name, an epoch's shuffle.
  package init(seed: Int, purpose: String) {
    // FNV-1a over the purpose, then SplitMix64's finalizer with the seed: distinct purposes and seeds get unrelated keys.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in purpose.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    var mixed = hash &+ UInt64(bitPattern: Int64(seed)) &* 0x9e37_79b9_7f4a_7c15
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    mixed ^= mixed >> 31
    philox = Philox(key: SIMD2(UInt32(truncatingIfNeeded: mixed), UInt32(mixed >> 32)))
  }

  private mutating func nextWord() -> UInt32 {
    if used == 4 {
      block = philox.block(SIMD4(UInt32(truncatingIfNeeded: counter), UInt32(counter >> 32), 0, 0))
      counter += 1
      used = 0
    }
    defer { used += 1 }
    return block[used]
  }

  package mutating func next() -> UInt64 {
    let low = UInt64(nextWord())
    return UInt64(nextWord()) << 32 | low
  }

  /// Uniform in [0, 1), a multiple of 2^-24.
  package mutating func uniform() -> Float { Float(nextWord() >> 8) * 0x1p-24 }

  /// Fills with `U(-bound, bound)`.
  package mutating func fillUniform(_ vector: Vector, bound: Float) {
    for index in 0..<vector.count { vector.base[index] = (2 * uniform() - 1) * bound }
  }

  /// Fills with normal(0, deviation), by Box and Muller's transform in Double.
  package mutating func fillNormal(_ vector: Vector, deviation: Double) {
    for first in stride(from: 0, to: vector.count, by: 2) {
      // 1 - u lies in (0, 1], where the logarithm is finite.
      let radius = (-2 * log(1 - Double(nextWord()) * 0x1p-32)).squareRoot() * deviation
      let angle = 2 * Double.pi * Double(nextWord()) * 0x1p-32
      vector.base[first] = Float(radius * cos(angle))
      if first + 1 < vector.count { vector.base[first + 1] = Float(radius * sin(angle)) }
    }
  }

  /// A random order of `0..<count`, by Fisher and Yates' shuffle, written out so that no other toolchain's library
  /// changes it.
  package mutating func permutation(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    for last in stride(from: count - 1, to: 0, by: -1) { order.swapAt(last, Int(below(UInt64(last) + 1))) }
    return order
  }

  /// Uniform in `0..<bound`, by Lemire's multiplication without bias.
  private mutating func below(_ bound: UInt64) -> UInt64 {
    var product = next().multipliedFullWidth(by: bound)
    if product.low < bound {
      let unfair = (0 &- bound) % bound
      while product.low < unfair { product = next().multipliedFullWidth(by: bound) }
    }
    return product.high
  }
}

/// The counter-based generator Philox4x32-10: 128 random bits from a 128-bit counter and a 64-bit key.
///
/// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).
package struct Philox: Sendable {
  package var key: SIMD2<UInt32>

  package init(key: SIMD2<UInt32>) { self.key = key }

  package func block(_ counter: SIMD4<UInt32>) -> SIMD4<UInt32> {
    var (state, key) = (counter, key)
    for round in 0..<10 {
      if round > 0 { key &+= SIMD2(0x9E37_79B9, 0xBB67_AE85) }
      let first = UInt64(state[0]) * 0xD251_1F53
      let second = UInt64(state[2]) * 0xCD9E_8D57
      state = SIMD4(
        UInt32(second >> 32) ^ state[1] ^ key[0], UInt32(truncatingIfNeeded: second),
        UInt32(first >> 32) ^ state[3] ^ key[1], UInt32(truncatingIfNeeded: first))
    }
    return state
  }
}
