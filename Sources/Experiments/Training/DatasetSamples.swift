import Datasets
import Networks
import TensorCore

/// The samples of one batch, converted from the shared bytes as they are asked for.
struct BatchSamples: Samples {
  let images: LabeledImages
  let table: PixelTable
  let batch: Batch

  var count: Int { batch.count }

  func load(_ position: Int, into target: Vector) {
    target.withMutableValues { images.convert(batch[position], with: table, into: $0) }
  }

  func label(_ position: Int) -> Int { images.label(batch[position]) }
}

/// A whole set in file order.
struct AllSamples: Samples {
  let images: LabeledImages
  let table: PixelTable

  var count: Int { images.count }

  func load(_ position: Int, into target: Vector) {
    target.withMutableValues { images.convert(position, with: table, into: $0) }
  }

  func label(_ position: Int) -> Int { images.label(position) }
}

/// Pictures without labels.
struct PictureSamples: Samples {
  let pictures: Pictures
  let table: PixelTable

  var count: Int { pictures.count }

  func load(_ position: Int, into target: Vector) {
    pictures.withImage(position) { image in target.withMutableValues { table.convert(image, into: $0) } }
  }

  func label(_ position: Int) -> Int { 0 }
}
