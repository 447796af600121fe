import Foundation
import TensorCore

/// Times matrix products on one core at the shapes of training, each beside the rate of a loop of nothing but fused
/// multiply-adds in registers, measured in turn with it.
struct GEMMBenchmark {
  private struct Case {
    var name: String
    var operations: Double
    var run: () -> Void
    var best = 0.0
  }

  /// - Parameter seconds: in all.
  func run(seconds: Double, only: String) {
    var cases = [(1024, 1024, 1024)].flatMap { square($0.0) }
    for (rows, inputs, outputs) in [(6400, 128, 128), (6400, 128, 256), (6400, 256, 128), (8320, 128, 128)] {
      cases += layer(rows: rows, inputs: inputs, outputs: outputs)
    }
    cases += attention(tokens: 50, width: 32) + attention(tokens: 65, width: 32)
    cases.removeAll { !only.isEmpty && !$0.name.contains(only) }
    var peak = 0.0
    let start = DispatchTime.now().uptimeNanoseconds
    while Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9 < seconds {
      peak = max(peak, rate(of: Double(Self.peakIterations * 12 * 16)) { Self.peakLoop() })
      for index in cases.indices {
        cases[index].best = max(cases[index].best, rate(of: cases[index].operations, cases[index].run))
      }
    }
    print("fused multiply-adds in registers: \(String(format: "%.1f", peak)) GFLOP/s")
    for one in cases {
      print(
        one.name.padding(toLength: 34, withPad: " ", startingAt: 0)
          + String(format: "%7.1f GFLOP/s %5.1f%%", one.best, 100 * one.best / peak))
    }
  }

  private func rate(of operations: Double, _ body: () -> Void) -> Double {
    let start = DispatchTime.now().uptimeNanoseconds
    body()
    return operations / Double(DispatchTime.now().uptimeNanoseconds - start)
  }

  private func square(_ side: Int) -> [Case] {
    let (a, b, c) = (random(side, side), random(side, side), random(side, side))
    let room = FloatStorage(count: Panels.capacity(depth: side, columns: side))
    return [
      Case(name: "\(side) cubed, packing included", operations: 2 * pow(Double(side), 3)) {
        let panels = Panels(packedIn: room.all, depth: side, columns: side)
        panels.pack(b)
        multiply(a, panels, into: c)
      }
    ]
  }

  /// The three products of a linear layer, in shards of 300 rows as training makes them.
  private func layer(rows: Int, inputs: Int, outputs: Int) -> [Case] {
    let shard = 300
    let (x, y, w, dw) = (
      random(rows, inputs), random(rows, outputs), random(outputs, inputs), random(outputs, inputs)
    )
    let forward = Panels(
      packedIn: FloatStorage(count: Panels.capacity(depth: inputs, columns: outputs)).kept, depth: inputs,
      columns: outputs)
    forward.packTransposed(w)
    let backward = Panels(
      packedIn: FloatStorage(count: Panels.capacity(depth: outputs, columns: inputs)).kept, depth: outputs,
      columns: inputs)
    backward.pack(w)
    let scratch = FloatStorage(count: TransposedProduct.scratchCount(rows: outputs, columns: inputs))
    let operations = 2 * Double(rows * inputs * outputs)
    let name = "\(rows)x\(inputs)x\(outputs)"
    func shards(_ body: (Range<Int>) -> Void) {
      for first in stride(from: 0, to: rows, by: shard) { body(first..<min(rows, first + shard)) }
    }
    return [
      Case(name: name + " X W^T", operations: operations) {
        shards { multiply(x.rows($0), forward, into: y.rows($0)) }
      },
      Case(name: name + " dY W", operations: operations) {
        shards { multiply(y.rows($0), backward, into: x.rows($0)) }
      },
      Case(name: name + " dY^T X", operations: operations) {
        shards {
          TransposedProduct.multiply(
            y.rows($0), x.rows($0), into: dw, accumulate: $0.lowerBound > 0, scratch: scratch.all)
        }
        // Values must stay small while the products feed each other.
        dw.fill(0)
        x.fill(0.01)
      },
    ]
  }

  private func attention(tokens: Int, width: Int) -> [Case] {
    let (q, s) = (random(tokens, width), random(tokens, tokens))
    let room = FloatStorage(count: Panels.capacity(depth: max(tokens, width), columns: max(tokens, width)))
    let operations = 100 * 2 * Double(tokens * tokens * width)
    return [
      Case(name: "\(tokens)x\(tokens)x\(width) Q K^T, packing", operations: operations) {
        for _ in 0..<100 {
          let panels = Panels(packedIn: room.all, depth: width, columns: tokens)
          panels.packTransposed(q)
          multiply(q, panels, into: s)
        }
      },
      Case(name: "\(tokens)x\(tokens)x\(width) P V", operations: operations) {
        for _ in 0..<100 { multiply(s, Panels(inPlace: q), into: q) }
        q.fill(0.01)
      },
    ]
  }

  private func random(_ rows: Int, _ columns: Int) -> Matrix {
    let storage = FloatStorage(count: rows * columns)
    var random = RandomStream(seed: 0, purpose: "gemm")
    random.fillUniform(storage.all, bound: 0.01)
    return storage.kept.matrix(rows: rows, columns: columns)
  }

  private static let peakIterations = 500_000

  /// Twelve independent chains of fused multiply-adds on eight lanes.
  @inline(never)
  private static func peakLoop() {
    var sums = (0..<12).map { SIMD8<Float>(repeating: Float($0)) }
    let (x, y) = (SIMD8<Float>(repeating: 0.3), SIMD8<Float>(repeating: 0.1))
    sums.withUnsafeMutableBufferPointer { sums in
      var (c0, c1, c2, c3, c4, c5) = (sums[0], sums[1], sums[2], sums[3], sums[4], sums[5])
      var (c6, c7, c8, c9, c10, c11) = (sums[6], sums[7], sums[8], sums[9], sums[10], sums[11])
      for _ in 0..<peakIterations {
        (c0, c1, c2) = (y.addingProduct(c0, x), y.addingProduct(c1, x), y.addingProduct(c2, x))
        (c3, c4, c5) = (y.addingProduct(c3, x), y.addingProduct(c4, x), y.addingProduct(c5, x))
        (c6, c7, c8) = (y.addingProduct(c6, x), y.addingProduct(c7, x), y.addingProduct(c8, x))
        (c9, c10, c11) = (y.addingProduct(c9, x), y.addingProduct(c10, x), y.addingProduct(c11, x))
      }
      sums[0] = c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9 + c10 + c11
    }
    precondition(sums[0][0].isFinite)
  }
}

extension FloatStorage {
  /// A view of everything that never dies: benchmarks keep their operands to the end.
  fileprivate var kept: Vector {
    _ = Unmanaged.passRetained(self)
    return all
  }
}
