/// `e^x` lane by lane, within 2 ulp (relative error below 2.4e-7) wherever the result is a normal float above 2^-125.
///
/// Smaller results are 0, larger than the largest float infinite; NaN stays NaN. The argument is split into
/// `n ln 2 + r`, `|r| <= ln 2 / 2`; `e^r` is Cephes' polynomial of degree 7, and `2^n` goes into the exponent.
@inline(__always)
package func exponential(_ x: SIMD8<Float>) -> SIMD8<Float> {
  // Adding 1.5 * 2^23 leaves round(x / ln 2) in the low bits of the significand, without a conversion to integers.
  let magic = Lanes(repeating: 12_582_912)
  let shifted = multiplyAdd(x, Lanes(repeating: 1.442_695_04), magic)
  let n = shifted - magic
  var r = multiplyAdd(n, Lanes(repeating: -0.693_359_375), x)
  r = multiplyAdd(n, Lanes(repeating: 2.121_944_40e-4), r)
  var p = Lanes(repeating: 1.987_569_15e-4)
  p = multiplyAdd(p, r, Lanes(repeating: 1.398_199_950_7e-3))
  p = multiplyAdd(p, r, Lanes(repeating: 8.333_451_907_3e-3))
  p = multiplyAdd(p, r, Lanes(repeating: 4.166_579_589_4e-2))
  p = multiplyAdd(p, r, Lanes(repeating: 1.666_666_545_9e-1))
  p = multiplyAdd(p, r, Lanes(repeating: 5.000_000_120_1e-1))
  p = multiplyAdd(p, r * r, r) + 1
  // 2^(n-1) and a doubling, so that n = 128 still fits the exponent.
  let exponent = unsafeBitCast(shifted, to: SIMD8<UInt32>.self) &+ 126
  let power = unsafeBitCast(exponent &<< 23, to: Lanes.self)
  var result = p * power * 2
  result.replace(with: 0, where: x .< -86.643_39)
  result.replace(with: .infinity, where: x .> 88.722_84)
  return result
}
