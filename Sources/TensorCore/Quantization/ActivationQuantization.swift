import CSIMD

extension Matrix {
  /// Rounds each row to int8 levels and back, in place: `clip(round(x s), -128, 127) / s`, `s = 127 / max(|x|, 1e-5)`.
  ///
  /// Rounds half to even. Source: "The Era of 1-bit LLMs: Training Tips, Code and FAQ".
  package func roundRowsToInt8Levels() {
    for index in 0..<rows { row(index).roundToInt8Levels() }
  }
}

extension Vector {
  @inline(__always)
  fileprivate func roundToInt8Levels() {
    var largest = Lanes(repeating: 1e-5)
    forEachVector(count) { offset, lanes in
      largest = larger(absolute(loadLanes(base + offset, lanes)), largest)
    }
    let scale = Lanes(repeating: 127 / TensorCore.largest(largest))
    forEachVector(count) { offset, lanes in
      let level = csimd_round_half_even(loadLanes(base + offset, lanes) * scale)
      storeLanes(clipped(level, from: -128, to: 127) / scale, base + offset, lanes)
    }
  }
}
