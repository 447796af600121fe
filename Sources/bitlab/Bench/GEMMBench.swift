import Foundation
import Networks
import TensorCore

/// Matrix products at the shapes of training, on one core and on several, beside the rate of a loop of nothing but fused
/// multiply-adds in registers.
///
/// The rates are the best of many: what else the machine does only ever takes away. The products take turns, so that all
/// have their share of its good moments, and each is computed three times in a row: first with operands that the turns of
/// all others have driven out of the caches, which has a column of its own, then with operands in the caches as far as
/// they have room there. Training is in between.
struct GEMMBench {
  private let options: BenchOptions
  private let progress: (String) -> Void
  /// Calls of a product in its turn.
  private static let callsInTurn = 3

  init(_ options: BenchOptions, progress: @escaping (String) -> Void) {
    self.options = options
    self.progress = progress
  }

  /// A product, its work shared out to a team.
  private struct Case {
    var shape: String
    var product: String
    var operations: Double
    var run: (Team) -> Void
    /// On one core and on all.
    var rates: [Double] = [0, 0]
    /// On one core, the turns' first calls.
    var coldRate = 0.0
  }

  /// A batch of an experiment, and the shard of it that training carries through a layer at a time.
  private struct Batch {
    let rows: Int
    let classes: Int
    let shardImages: Int
    let shardRows: Int

    init(_ experiment: BenchedExperiment) {
      let (specification, images) = (experiment.specification(.full, .simpleBitNet), 128)
      let rowsPerImage = specification.network(shardImages: 1).rowsPerImage
      rows = images * rowsPerImage
      classes = specification.classes
      shardImages = ShardPlan(specification, batchSize: images).shardImages
      shardRows = shardImages * rowsPerImage
    }
  }

  func table() -> BenchTable {
    var cases = [square(1024)]
    let batches = [Batch(.fashionMNISTViT), Batch(.cifar100ViT)]
    for batch in batches {
      for (inputs, outputs) in [(128, 128), (128, 256), (256, 128)] {
        cases += layer(batch, inputs: inputs, outputs: outputs)
      }
    }
    cases += [patches(images: 128, channels: 1), patches(images: 128, channels: 3)]
    cases += batches.map(head)
    cases += attention(tokens: 50, width: 32) + attention(tokens: 65, width: 32)
    // A loop of multiply-adds first: all others are measured beside it.
    cases.insert(
      Case(shape: "registers", product: "a b + c", operations: PeakLoop.operations) { PeakLoop.run($0) },
      at: 0)
    let pools = [1, options.threadCount].map { ComputePool(cores: $0) }
    let teams = pools.map { Team(pool: $0) }
    let end = BenchClock.seconds + (options.seconds ?? 20)
    repeat {
      for index in cases.indices {
        for (place, team) in teams.enumerated() {
          for call in 0..<Self.callsInTurn {
            let seconds = pools[place].withRun { BenchClock.time { cases[index].run(team) } }
            let rate = cases[index].operations / seconds * 1e-9
            cases[index].rates[place] = max(cases[index].rates[place], rate)
            if place == 0, call == 0 { cases[index].coldRate = max(cases[index].coldRate, rate) }
          }
        }
      }
      progress("gemm, \(Int(max(0, end - BenchClock.seconds))) s left")
    } while BenchClock.seconds < end
    var table = BenchTable(
      name: "gemm",
      title: "matrix products, float32, on one core and on \(options.threadCount)",
      nameColumns: ["shape", "product"],
      columns: [
        .init(key: "gflops", header: "GFLOP/s"), .init(key: "percent_of_peak", header: "% of peak"),
        .init(key: "gflops_all", header: "all cores"), .init(key: "speedup", header: "speedup", digits: 2),
        .init(key: "gflops_cold", header: "cold"),
      ])
    for one in cases {
      table.rows.append(
        .init(
          names: [one.shape, one.product],
          figures: [
            one.rates[0], 100 * one.rates[0] / cases[0].rates[0], one.rates[1], one.rates[1] / one.rates[0],
            one.coldRate,
          ]))
    }
    return table
  }

  private func square(_ side: Int) -> Case {
    let (a, b, c) = (Operand(side, side), Operand(side, side), Operand(side, side))
    let room = FloatStorage(count: Panels.capacity(depth: side, columns: side))
    return Case(
      shape: "\(side)x\(side)x\(side)", product: "A B, packing", operations: 2 * pow(Double(side), 3)
    ) { team in
      let panels = Panels(packedIn: room.all, depth: side, columns: side)
      team.forEach(4) { task, _ in
        let rows = task * side / 4..<(task + 1) * side / 4
        panels.pack(b.matrix.rows(rows), atDepth: rows.lowerBound)
      }
      team.forEach(4) { task, _ in
        let rows = task * side / 4..<(task + 1) * side / 4
        multiply(a.matrix.rows(rows), panels, into: c.matrix.rows(rows))
      }
    }
  }

  /// The three products of a linear layer, the weights packed before as training does it once a step.
  private func layer(_ batch: Batch, inputs: Int, outputs: Int) -> [Case] {
    let rows = batch.rows
    let (x, y) = (Operand(rows, inputs), Operand(rows, outputs))
    let (dx, dy) = (Operand(rows, inputs), Operand(rows, outputs))
    let weight = Operand(outputs, inputs)
    let (forward, backward) = (weight.panelsOfTranspose(), weight.panels())
    let tasks = (rows + batch.shardRows - 1) / batch.shardRows
    let gradients = (0..<options.threadCount).map { _ in Operand(outputs, inputs) }
    let scratch = gradients.map { _ in
      FloatStorage(count: TransposedProduct.scratchCount(columns: inputs))
    }
    func share(_ task: Int) -> Range<Int> { task * batch.shardRows..<min(rows, (task + 1) * batch.shardRows) }
    func one(_ product: String, _ run: @escaping (Team) -> Void) -> Case {
      Case(
        shape: "\(rows)x\(inputs)x\(outputs)", product: product,
        operations: 2 * Double(rows * inputs * outputs), run: run)
    }
    return [
      one("X W^T") { team in
        team.forEach(tasks) { task, _ in
          multiply(x.matrix.rows(share(task)), forward.panels, into: y.matrix.rows(share(task)))
        }
      },
      one("dY W") { team in
        team.forEach(tasks) { task, _ in
          multiply(dy.matrix.rows(share(task)), backward.panels, into: dx.matrix.rows(share(task)))
        }
      },
      one("dY^T X") { team in
        // A sum for each thread, and theirs together.
        let sums = gradients.prefix(team.limit).map(\.matrix)
        for sum in sums { sum.fill(0) }
        team.forEach(tasks) { task, slot in
          TransposedProduct.multiply(
            dy.matrix.rows(share(task)), x.matrix.rows(share(task)), into: sums[slot], accumulate: true,
            scratch: scratch[slot].all)
        }
        for sum in sums.dropFirst() { sums[0].add(sum) }
      },
    ]
  }

  /// The patch embedding's projection, image after image.
  private func patches(images: Int, channels: Int) -> Case {
    let (count, inputs) = channels == 1 ? (49, 16) : (64, 48)
    let (x, y) = (Operand(images * count, inputs), Operand(images * count, 128))
    let weight = Operand(128, inputs).panelsOfTranspose()
    return Case(
      shape: "\(count)x\(inputs)x128", product: "patches",
      operations: 2 * Double(images * count * inputs * 128)
    ) { team in
      team.forEach(images) { image, _ in
        let rows = image * count..<(image + 1) * count
        multiply(x.matrix.rows(rows), weight.panels, into: y.matrix.rows(rows))
      }
    }
  }

  /// The classifier on one shard's class tokens.
  private func head(_ batch: Batch) -> Case {
    let (tasks, rows, outputs) = (64, batch.shardImages, batch.classes)
    let (x, y) = (Operand(tasks * rows, 128), Operand(tasks * rows, outputs))
    let weight = Operand(outputs, 128).panelsOfTranspose()
    return Case(
      shape: "\(rows)x128x\(outputs)", product: "head", operations: 2 * Double(tasks * rows * 128 * outputs)
    ) { team in
      team.forEach(tasks) { task, _ in
        let share = task * rows..<(task + 1) * rows
        multiply(x.matrix.rows(share), weight.panels, into: y.matrix.rows(share))
      }
    }
  }

  /// One head's scores and context, for many images.
  private func attention(tokens: Int, width: Int) -> [Case] {
    let images = 64
    let (q, k, c) = (
      Operand(images * tokens, width), Operand(images * tokens, width), Operand(images * tokens, width)
    )
    // As attention has them: padded, so that only whole vectors are computed.
    let padded = Panels.wholeVectors(tokens)
    let scores = Operand(images * tokens, padded)
    let probabilities = scores.matrix.columns(0..<tokens)
    let rooms = (0..<options.threadCount).map { _ in
      FloatStorage(count: Panels.capacity(depth: width, columns: padded))
    }
    func rows(_ image: Int) -> Range<Int> { image * tokens..<(image + 1) * tokens }
    let operations = 2 * Double(images * tokens * tokens * width)
    let shape = "\(tokens)x\(tokens)x\(width)"
    return [
      Case(shape: shape, product: "Q K^T, packing", operations: operations) { team in
        team.forEach(images) { image, slot in
          let keys = Panels(packedIn: rooms[slot].all, depth: width, columns: padded)
          keys.packTransposed(k.matrix.rows(rows(image)))
          multiply(q.matrix.rows(rows(image)), keys, into: scores.matrix.rows(rows(image)))
        }
      },
      Case(shape: shape, product: "P V", operations: operations) { team in
        team.forEach(images) { image, _ in
          multiply(
            probabilities.rows(rows(image)), Panels(inPlace: q.matrix.rows(rows(image))),
            into: c.matrix.rows(rows(image)))
        }
      },
      Case(shape: shape, product: "P^T dC", operations: operations) { team in
        team.forEach(images) { image, _ in
          multiply(
            transposed: probabilities.rows(rows(image)), Panels(inPlace: q.matrix.rows(rows(image))),
            into: c.matrix.rows(rows(image)))
        }
      },
    ]
  }
}
