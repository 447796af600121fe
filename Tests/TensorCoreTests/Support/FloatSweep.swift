/// Float32 numbers spread evenly over the representable ones of a range, both ends included: dense where floats are.
func floats(from low: Float, to high: Float, count: Int) -> [Float] {
  func position(_ value: Float) -> Int {
    let bits = Int(Int32(bitPattern: value.bitPattern))
    return bits >= 0 ? bits : Int(Int32.min) - bits
  }
  func value(_ position: Int) -> Float {
    let bits = position >= 0 ? position : Int(Int32.min) - position
    return Float(bitPattern: UInt32(bitPattern: Int32(bits)))
  }
  let (first, last) = (position(low), position(high))
  return (0..<count).map { value(first + (last - first) * $0 / (count - 1)) }
}
