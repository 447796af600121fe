import CSIMD

/// The vector type of all kernels: one AVX2 register.
typealias Lanes = SIMD8<Float>

/// Lanes in a vector.
let laneCount = 8

@inline(__always)
func load(_ pointer: UnsafePointer<Float>) -> Lanes {
  UnsafeRawPointer(pointer).loadUnaligned(as: Lanes.self)
}

@inline(__always)
func load(_ pointer: UnsafeMutablePointer<Float>) -> Lanes {
  UnsafeRawPointer(pointer).loadUnaligned(as: Lanes.self)
}

@inline(__always)
func store(_ value: Lanes, _ pointer: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: Lanes.self)
}

/// The first `count` (1 to 7) values; the other lanes hold `padding`.
@inline(__always)
func load(_ pointer: UnsafePointer<Float>, count: Int, padding: Float = 0) -> Lanes {
  var value = Lanes(repeating: padding)
  for lane in 0..<count { value[lane] = pointer[lane] }
  return value
}

@inline(__always)
func store(_ value: Lanes, _ pointer: UnsafeMutablePointer<Float>, count: Int) {
  for lane in 0..<count { pointer[lane] = value[lane] }
}

/// `a * b + c`: one rounding where the CPU has the instruction, two where it has not.
@inline(__always)
func multiplyAdd(_ a: Lanes, _ b: Lanes, _ c: Lanes) -> Lanes {
  csimd_multiply_add(a, b, c)
}

/// The sum of all lanes, in one fixed order: halves, quarters, pairs.
@inline(__always)
func sum(_ value: Lanes) -> Float {
  let four = value.lowHalf + value.highHalf
  let two = four.lowHalf + four.highHalf
  return two[0] + two[1]
}

/// The larger of two values lane by lane; a NaN in `b` is dropped, one in `a` kept.
@inline(__always)
func larger(_ a: Lanes, _ b: Lanes) -> Lanes { a.replacing(with: b, where: b .> a) }

/// The largest of all lanes.
@inline(__always)
func largest(_ value: Lanes) -> Float {
  let four = value.lowHalf.replacing(with: value.highHalf, where: value.highHalf .> value.lowHalf)
  let two = four.lowHalf.replacing(with: four.highHalf, where: four.highHalf .> four.lowHalf)
  return two[1] > two[0] ? two[1] : two[0]
}

extension Lanes {
  /// The number of each lane.
  static var number: Lanes { Lanes(0, 1, 2, 3, 4, 5, 6, 7) }
}

/// NaN stays NaN.
@inline(__always)
func clipped(_ value: Lanes, from low: Float, to high: Float) -> Lanes {
  let raised = value.replacing(with: low, where: value .< low)
  return raised.replacing(with: high, where: raised .> high)
}

@inline(__always)
func absolute(_ value: Lanes) -> Lanes {
  unsafeBitCast(
    unsafeBitCast(value, to: SIMD8<UInt32>.self) & SIMD8(repeating: 0x7fff_ffff), to: Lanes.self)
}

/// Applies `body` to whole vectors from 0 on, then once to the padded rest: `body(offset, lanes in use)`.
@inline(__always)
func forEachVector(_ count: Int, _ body: (Int, Int) -> Void) {
  var offset = 0
  while offset + laneCount <= count {
    body(offset, laneCount)
    offset += laneCount
  }
  if offset < count { body(offset, count - offset) }
}

/// Loads `lanes` values; a full vector takes one instruction.
@inline(__always)
func loadLanes(_ pointer: UnsafePointer<Float>, _ lanes: Int, padding: Float = 0) -> Lanes {
  lanes == laneCount ? load(pointer) : load(pointer, count: lanes, padding: padding)
}

@inline(__always)
func storeLanes(_ value: Lanes, _ pointer: UnsafeMutablePointer<Float>, _ lanes: Int) {
  if lanes == laneCount { store(value, pointer) } else { store(value, pointer, count: lanes) }
}

/// Applies `body` to whole vectors of 16 from 0 on, then once to the padded rest: `body(offset, lanes in use)`.
@inline(__always)
func forEachWideVector(_ count: Int, _ body: (Int, Int) -> Void) {
  var offset = 0
  while offset + 16 <= count {
    body(offset, 16)
    offset += 16
  }
  if offset < count { body(offset, count - offset) }
}

/// Loads `lanes` of 16 values, and zeros behind them.
@inline(__always)
func loadWide(_ pointer: UnsafePointer<Float>, _ lanes: Int) -> SIMD16<Float> {
  if lanes == 16 { return UnsafeRawPointer(pointer).loadUnaligned(as: SIMD16<Float>.self) }
  var value = SIMD16<Float>.zero
  for lane in 0..<lanes { value[lane] = pointer[lane] }
  return value
}

@inline(__always)
func storeWide(_ value: SIMD16<Float>, _ pointer: UnsafeMutablePointer<Float>, _ lanes: Int) {
  if lanes == 16 { return UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: SIMD16<Float>.self) }
  for lane in 0..<lanes { pointer[lane] = value[lane] }
}

@inline(__always)
func multiplyAdd(_ a: SIMD16<Float>, _ b: SIMD16<Float>, _ c: SIMD16<Float>) -> SIMD16<Float> {
  csimd_has_fma() != 0 ? c.addingProduct(a, b) : a * b + c
}
