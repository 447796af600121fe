import TensorCore

/// Some samples in a fixed order: a batch, or a whole validation set. Read from several threads at once.
package protocol Samples: Sendable {
  var count: Int { get }

  /// Writes the sample's normalized pixels, planar, to `target`.
  func load(_ position: Int, into target: Vector)

  /// The sample's class, from 0.
  func label(_ position: Int) -> Int
}
