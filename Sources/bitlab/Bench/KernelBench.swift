import TensorCore

/// The kernels beside the matrix products, on one core, at the size of one group of fashion-mnist-vit: 800 tokens.
struct KernelBench {
  private let options: BenchOptions
  private let progress: (String) -> Void

  init(_ options: BenchOptions, progress: @escaping (String) -> Void) {
    self.options = options
    self.progress = progress
  }

  private struct Case {
    var name: String
    var values: Int
    /// Read and written a value.
    var bytes: Int
    var run: () -> Void
  }

  func table() -> BenchTable {
    var table = BenchTable(
      name: "kernels", title: "element-wise kernels on one core, the best of many",
      nameColumns: ["kernel"],
      columns: [
        .init(key: "values", header: "values", digits: 0),
        .init(key: "nanoseconds_per_value", header: "ns/value", digits: 3),
        .init(key: "gigabytes_per_second", header: "GB/s"),
      ])
    let seconds = (options.seconds ?? 6) / Double(cases.count)
    for one in cases {
      progress(one.name)
      let best = BenchClock.times(for: seconds, one.run).min() ?? .nan
      let values = Double(one.values)
      table.rows.append(
        .init(
          names: [one.name],
          figures: [values, best / values * 1e9, values * Double(one.bytes) / best * 1e-9]))
    }
    return table
  }

  private var cases: [Case] {
    let (rows, width) = (800, 128)
    let (x, y, z) = (Operand(rows, width), Operand(rows, width), Operand(rows, width))
    let scores = Operand(rows * 4, Panels.wholeVectors(50))
    let dscores = Operand(rows * 4, Panels.wholeVectors(50))
    let wide = (Operand(rows, 256), Operand(rows, 256))
    let (gain, bias) = (Operand(1, width), Operand(1, width))
    let (dgain, dbias) = (Operand(1, width), Operand(1, width))
    let statistics = Operand(rows, 2)
    let (weights, gradient) = (Operand(1, 1 << 17), Operand(1, 1 << 17))
    let (first, second) = (Operand(1, 1 << 17), Operand(1, 1 << 17))
    second.matrix.fill(1)
    let quantized = Operand(1024, 128)
    let levels = WeightLevels(format: .ternary, scale: 0.01, divisor: 0.01)
    let adam = AdamStep(
      step: 10, rate: 1e-6, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, decoupled: false)
    let room = FloatStorage(count: Panels.capacity(depth: 128, columns: 1024))
    let logits = Operand(128, 100)
    return [
      Case(name: "x += y", values: rows * width, bytes: 12) { x.matrix.add(y.matrix) },
      Case(name: "column sums", values: rows * width, bytes: 4) {
        x.matrix.sumRows(into: dbias.matrix.flat, accumulate: false)
      },
      Case(name: "GELU and its derivative", values: rows * 256, bytes: 12) {
        wide.0.matrix.geluKeepingDerivative(into: wide.1.matrix)
      },
      Case(name: "layer norm", values: rows * width, bytes: 8) {
        LayerNormKernel.forward(
          y.matrix, gain: gain.matrix.flat, bias: bias.matrix.flat, epsilon: 1e-12, into: z.matrix,
          statistics: statistics.matrix)
      },
      Case(name: "layer norm, backward", values: rows * width, bytes: 16) {
        LayerNormKernel.backward(
          z.matrix, x: y.matrix, gain: gain.matrix.flat, statistics: statistics.matrix, into: x.matrix,
          accumulate: true, dgain: dgain.matrix.flat, dbias: dbias.matrix.flat)
      },
      Case(name: "softmax, rows of 50", values: rows * 4 * 50, bytes: 8) {
        scores.matrix.softmaxRows(50, scale: 0.2)
      },
      Case(name: "softmax, backward", values: rows * 4 * 50, bytes: 12) {
        dscores.matrix.softmaxRowsBackward(probabilities: scores.matrix, scale: 0.2)
      },
      Case(name: "cross-entropy, 100 classes", values: 128 * 100, bytes: 8) {
        _ = logits.matrix.crossEntropy(gradientScale: 1e-3) { $0 % 100 }
      },
      Case(name: "Adam", values: 1 << 17, bytes: 28) {
        weights.matrix.flat.adam(
          adam, gradient: gradient.matrix.flat, firstMoment: first.matrix.flat,
          secondMoment: second.matrix.flat)
      },
      Case(name: "sum of magnitudes", values: 1 << 17, bytes: 4) {
        _ = weights.matrix.flat.sumOfMagnitudes()
      },
      Case(name: "quantize, ternary", values: 1 << 17, bytes: 8) {
        weights.matrix.flat.quantize(levels, into: quantized.matrix.flat)
      },
      Case(name: "the scale's gradient", values: 1 << 17, bytes: 8) {
        _ = weights.matrix.flat.scaleGradient(gradient.matrix.flat, levels)
      },
      Case(name: "pack W^T", values: 1 << 17, bytes: 8) {
        Panels(packedIn: room.all, depth: 128, columns: 1024).packTransposed(quantized.matrix)
      },
      Case(name: "pack W", values: 1 << 17, bytes: 8) {
        Panels(packedIn: room.all, depth: 1024, columns: 128).pack(quantized.matrix)
      },
    ]
  }
}
