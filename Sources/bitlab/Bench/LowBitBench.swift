import Foundation
import Networks
import TensorCore

/// What low bits are worth: `bitnet`'s forward products, rounding included, by each kernel of the CPU, then training steps
/// and evaluations of quantized networks; all beside float32 in the same turn.
///
/// A ratio is the median of the turns' ratios, since what else the machine does slows both down. The first column is the
/// median too.
struct LowBitBench {
  private let options: BenchOptions
  private let progress: (String) -> Void
  private static let batch = 128

  init(_ options: BenchOptions, progress: @escaping (String) -> Void) {
    self.options = options
    self.progress = progress
  }

  /// Something timed in turns with others.
  private struct Contender {
    var name: String
    var run: () -> Void
    var seconds: [Double] = []
  }

  func table() throws(OutOfMemory) -> BenchTable {
    let threads = options.threadCount
    var table = BenchTable(
      name: "lowbit",
      title: "int8 by quantized weights beside float32; products on one core, networks on \(threads)",
      nameColumns: ["what", "by"],
      columns: [
        .init(key: "per_second", header: "per second"),
        .init(key: "ratio_to_float32", header: "x float32", digits: 2),
        .init(key: "percent_of_peak", header: "% of peak"),
      ])
    let peaks = IntegerKernel.available.compactMap { kernel in
      peak(of: kernel).map { (kernel: kernel, rate: $0) }
    }
    for (kernel, rate) in peaks {
      table.rows.append(.init(names: ["registers, GOP/s", kernel.rawValue], figures: [rate, nil, 100]))
    }
    let seconds = options.seconds ?? 20
    for (inputs, outputs) in [(128, 128), (128, 256), (256, 128)] {
      progress("a product of \(inputs)x\(outputs)")
      table.rows += product(
        rows: 800, inputs: inputs, outputs: outputs, peaks, seconds / 10)
    }
    for (outputs, inputs) in [(4096, 14336), (2560, 6912), (128, 256)] {
      for rows in [1, 8, 512] {
        progress("\(rows) rows by \(outputs)x\(inputs)")
        table.rows += packed(rows: rows, inputs: inputs, outputs: outputs, seconds / 20)
      }
    }
    for evaluates in [false, true] {
      for experiment in [BenchedExperiment.fashionMNISTViT, .mnistFFN] {
        progress("\(experiment.rawValue), \(evaluates ? "evaluation" : "training")")
        table.rows += try networks(experiment, evaluates: evaluates, seconds / 6)
      }
    }
    return table
  }

  /// GOP/s of a loop in registers, the best of some.
  private func peak(of kernel: IntegerKernel) -> Double? {
    var best: Double?
    for _ in 0..<20 {
      let start = BenchClock.seconds
      guard let operations = kernel.runPeakLoop() else { return nil }
      best = max(best ?? 0, operations / (BenchClock.seconds - start) * 1e-9)
    }
    return best
  }

  /// Lets all run in turns for so many seconds.
  private func takeTurns(_ contenders: inout [Contender], _ seconds: Double) {
    for contender in contenders { contender.run() }
    // Each twice in a row, so that it finds in the caches what it needs itself; the second counts.
    let end = BenchClock.seconds + seconds
    repeat {
      for index in contenders.indices {
        contenders[index].run()
        contenders[index].seconds.append(BenchClock.time(contenders[index].run))
      }
    } while BenchClock.seconds < end
  }

  /// A row for each, the ratios to the first's.
  private func rows(
    _ what: String, _ contenders: [Contender], work: Double, peak: (Contender) -> Double?
  ) -> [BenchTable.Row] {
    contenders.map { contender in
      let rate = work / BenchClock.median(contender.seconds)
      let ratios = zip(contenders[0].seconds, contender.seconds).map { $0 / $1 }
      return .init(
        names: [what, contender.name],
        figures: [rate, BenchClock.median(ratios), peak(contender).map { 100 * rate / $0 }])
    }
  }

  /// A layer's forward product of a shard of images, whose rows the layer before has left in the caches: float32, and norm,
  /// rounding and the integer product.
  private func product(
    rows: Int, inputs: Int, outputs: Int, _ peaks: [(kernel: IntegerKernel, rate: Double)], _ seconds: Double
  ) -> [BenchTable.Row] {
    let (x, y) = (Operand(rows, inputs), Operand(rows, outputs))
    let weight = Operand(outputs, inputs)
    let bias = FloatStorage(count: outputs)
    let floats = weight.panelsOfTranspose()
    let rounded = Int8Operand(rows, inputs)
    let integers = IntegerOperand(weight.matrix)
    var contenders = [
      Contender(name: "float32") {
        multiply(x.matrix, floats.panels, into: y.matrix, from: .bias(bias.all))
      }
    ]
    for (kernel, _) in peaks {
      contenders.append(
        Contender(name: kernel.rawValue) {
          RMSNormKernel.forward(x.matrix, epsilon: 1e-6, into: rounded.levels, scales: rounded.norms)
          multiply(rounded.levels, integers.panels, into: y.matrix, bias: bias.all, kernel: kernel)
        })
    }
    takeTurns(&contenders, seconds)
    return self.rows(
      "\(rows)x\(inputs)x\(outputs), GOP/s", contenders, work: 2e-9 * Double(rows * inputs * outputs)
    ) { contender in peaks.first { $0.kernel.rawValue == contender.name }?.rate }
  }

  /// Products of a few rows up to many with weights as they are stored, on all cores: norm and rounding are done before. A
  /// matrix has many outputs, and threads share these.
  private func packed(rows: Int, inputs: Int, outputs: Int, _ seconds: Double) -> [BenchTable.Row] {
    let pool = ComputePool(cores: options.threadCount)
    let team = Team(pool: pool)
    let (x, y) = (Operand(rows, inputs), Operand(rows, outputs))
    let weight = Operand(outputs, inputs)
    let rounded = Int8Operand(rows, inputs)
    RMSNormKernel.forward(x.matrix, epsilon: 1e-6, into: rounded.levels, scales: rounded.norms)
    let scratch = (0..<team.limit).map { _ in
      FloatStorage(count: PackedMatrix.scratchCount(outputs: outputs, inputs: inputs))
    }
    // Shares of whole panels, of every kind.
    let shares = outputs < 1024 ? 1 : 8 * team.limit
    let share = shares == 1 ? outputs : (outputs / shares + 31) / 32 * 32
    func eachShare(_ body: (Range<Int>, Int) -> Void) {
      if shares == 1 { return body(0..<outputs, 0) }
      team.forEach((outputs + share - 1) / share) { task, slot in
        body(task * share..<min(outputs, (task + 1) * share), slot)
      }
    }
    let floats = (0..<(outputs + share - 1) / share).map { task in
      Operand(weight.matrix.rows(task * share..<min(outputs, (task + 1) * share))).panelsOfTranspose()
    }
    var contenders = [
      Contender(name: "float32") {
        pool.withRun {
          eachShare { range, _ in
            multiply(x.matrix, floats[range.lowerBound / share].panels, into: y.matrix.columns(range))
          }
        }
      }
    ]
    for format in [WeightFormat.ternary, .binary] {
      // No value is the shift: a binary matrix with a zero would take two bits.
      let levels = WeightLevels(format: format, scale: 0.005, divisor: 0.005, shift: 1e-12)
      let matrix = PackedMatrix(weight.matrix, levels)
      contenders.append(
        Contender(name: "\(matrix.format.bits)-bit, \(IntegerKernel.current.rawValue)") {
          pool.withRun {
            eachShare { range, slot in
              multiply(rounded.levels, matrix, outputs: range, into: y.matrix, scratch: scratch[slot].all)
            }
          }
        })
    }
    takeTurns(&contenders, seconds)
    return self.rows(
      "\(rows) x \(outputs)x\(inputs), GOP/s", contenders, work: 2e-9 * Double(rows * inputs * outputs)
    ) { _ in nil }
  }

  /// Training steps or evaluations of a network with full precision and with two bits.
  private func networks(
    _ experiment: BenchedExperiment, evaluates: Bool, _ seconds: Double
  ) throws(OutOfMemory) -> [BenchTable.Row] {
    let pool = ComputePool(cores: options.threadCount)
    var contenders: [Contender] = []
    for (name, precision, method) in [
      ("float32", WeightPrecision.full, QuantizationMethod.bitNet), ("2-bit bitnet", .ternary, .bitNet),
      ("1-bit bitnet", .binary, .bitNet), ("2-bit simple-bitnet", .ternary, .simpleBitNet),
    ] {
      let model = try BenchedModel(
        experiment.specification(precision, method), batch: Self.batch, pool: pool, evaluates: evaluates)
      contenders.append(Contender(name: name) { pool.withRun { model.step() } })
    }
    takeTurns(&contenders, seconds)
    let what = "\(experiment.rawValue), \(evaluates ? "evaluation" : "training")"
    return rows(what + ", images/s", contenders, work: Double(Self.batch)) { _ in nil }
  }
}

/// Rows rounded to int8 that own their memory.
private final class Int8Operand {
  private let storages: [FloatStorage]
  let levels: Int8Matrix
  /// Of the RMS norm.
  let norms: Vector

  init(_ rows: Int, _ columns: Int) {
    let words = Int8Matrix.room(columns: columns)
    storages = [rows * words, rows, rows, rows].map { FloatStorage(count: $0) }
    levels = Int8Matrix(
      room: storages[0].matrix(rows: rows, columns: words), columns: columns, scales: storages[1].all,
      sums: storages[2].all)
    norms = storages[3].all
  }
}

/// Panels of ternary weights that own their memory.
private final class IntegerOperand {
  private let room: FloatStorage
  let panels: IntegerPanels

  init(_ weights: Matrix) {
    let levels = Operand(weights.rows, weights.columns)
    weights.flat.quantize(
      WeightLevels(format: .ternary, scale: 1, divisor: 0.005), into: levels.matrix.flat)
    room = FloatStorage(count: IntegerPanels.capacity(depth: weights.columns, columns: weights.rows))
    panels = IntegerPanels(
      packedIn: room.all, depth: weights.columns, columns: weights.rows, scale: 0.005)
    panels.packTransposed(levels.matrix)
  }
}
