import TensorCore

/// How a batch is cut up, from the network and the batch size alone, so that results do not depend on threads.
///
/// A batch falls into groups of consecutive images; each group sums its gradients in memory of its own, and the groups'
/// sums are added in order. A group goes through the network in shards small enough for the caches.
package struct ShardPlan: Sendable, Hashable {
  /// Groups of a full batch: the most threads that can share it.
  package let groups: Int
  /// Images of a full group.
  package let groupImages: Int
  /// Images that pass through the network together.
  package let shardImages: Int

  /// Groups cost a gradient each; eight keep eight cores busy.
  private static let mostGroups = 8
  /// Fewer rows would make the memory traffic of a group's own gradient cost too much beside its arithmetic.
  private static let fewestGroupRows = 200
  /// So many groups are made of fewer rows too, down to `fewestSharedRows` each: networks with one row an image have no
  /// others to share out.
  private static let fewestGroups = 4
  private static let fewestSharedRows = 32
  /// Values of activations in one shard: 16 MiB.
  private static let shardValues = 4 << 20

  package init(_ specification: NetworkSpecification, batchSize: Int) {
    let network = specification.network(shardImages: 1)
    let rows = Size.product(batchSize, network.rowsPerImage)
    let few = min(Self.fewestGroups, rows / Self.fewestSharedRows)
    let possible = max(1, min(max(rows / Self.fewestGroupRows, few), Self.mostGroups, batchSize))
    // A power of two, so that two, four or eight cores have the same to do: five groups would keep two as long as six.
    let wanted = 1 << (Int.bitWidth - 1 - possible.leadingZeroBitCount)
    groupImages = (batchSize + wanted - 1) / wanted
    groups = (batchSize + groupImages - 1) / groupImages
    let most = max(1, Self.shardValues / max(1, network.plan.count))
    let shards = (groupImages + most - 1) / most
    shardImages = (groupImages + shards - 1) / shards
  }

  /// The images of a group of a batch, as positions in the batch; empty where a short batch has none left.
  package func group(_ index: Int, of count: Int) -> Range<Int> {
    min(count, index * groupImages)..<min(count, (index + 1) * groupImages)
  }

  /// The shards of a range of images, in order.
  package func shards(of images: Range<Int>) -> some Sequence<Range<Int>> {
    stride(from: images.lowerBound, to: images.upperBound, by: shardImages).lazy.map {
      [shardImages] in $0..<min(images.upperBound, $0 + shardImages)
    }
  }
}
