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
