extension Matrix {
  /// Rounds each row to int8 levels and back, in place: `clip(round(x s), -128, 127) / s`, `s = 127 / max(|x|, 1e-5)`.
  ///
  /// Rounds half to even. Source: "The Era of 1-bit LLMs: Training Tips, Code and FAQ".
  package func roundRowsToInt8Levels() {
    for index in 0..<rows {
      let values = base + index * stride
      var largest = Lanes(repeating: 1e-5)
      forEachVector(columns) { offset, lanes in
        largest = larger(absolute(loadLanes(values + offset, lanes)), largest)
      }
      let scale = 127 / largest.max()
      forEachVector(columns) { offset, lanes in
        var level = (loadLanes(values + offset, lanes) * scale).rounded(.toNearestOrEven)
        level.replace(with: -128, where: level .< -128)
        level.replace(with: 127, where: level .> 127)
        storeLanes(level / scale, values + offset, lanes)
      }
    }
  }
}
