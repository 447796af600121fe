/// The samples of one epoch, in the order they are used, cut into batches.
///
/// Batch `b` is samples `b * batchSize ..< min((b + 1) * batchSize, sampleCount)` of the order; the last one may be
/// short and is kept. A resumed epoch goes on at any batch: `order[12]`, or `order[12...]`.
///
///     for batch in BatchOrder(sampleCount: images.count, batchSize: 128) {
///       for index in batch { ... }
///     }
package struct BatchOrder: Sendable, RandomAccessCollection {
  package let sampleCount: Int
  package let batchSize: Int
  /// Sample at each place; `nil` where the order is the file's.
  private let permutation: [Int]?

  /// File order: 0, 1, 2, ...
  package init(sampleCount: Int, batchSize: Int) {
    precondition(sampleCount >= 0 && batchSize > 0, "BatchOrder: \(sampleCount) samples by \(batchSize)")
    self.sampleCount = sampleCount
    self.batchSize = batchSize
    self.permutation = nil
  }

  /// The order of `permutation`, which has each sample of the epoch at its place.
  package init(permutation: [Int], batchSize: Int) {
    precondition(batchSize > 0, "BatchOrder: \(permutation.count) samples by \(batchSize)")
    self.sampleCount = permutation.count
    self.batchSize = batchSize
    self.permutation = permutation
  }

  package var startIndex: Int { 0 }

  /// Batches of the epoch, the short last one included.
  package var endIndex: Int { sampleCount / batchSize + (sampleCount % batchSize == 0 ? 0 : 1) }

  package subscript(batch: Int) -> Batch {
    precondition(indices.contains(batch), "BatchOrder: batch \(batch) of \(count)")
    let start = batch * batchSize
    return Batch(
      places: start..<(start + Swift.min(batchSize, sampleCount - start)), permutation: permutation)
  }
}

/// The sample indices of one batch.
package struct Batch: Sendable, RandomAccessCollection {
  private let places: Range<Int>
  private let permutation: [Int]?

  fileprivate init(places: Range<Int>, permutation: [Int]?) {
    self.places = places
    self.permutation = permutation
  }

  package var startIndex: Int { 0 }
  package var endIndex: Int { places.count }

  /// The sample at a place of the batch.
  package subscript(place: Int) -> Int {
    precondition(place >= 0 && place < places.count, "Batch: place \(place) of \(places.count)")
    return permutation?[places.lowerBound + place] ?? places.lowerBound + place
  }
}
