import CZlib

@testable import Datasets

/// The bytes of an IDX file of unsigned bytes.
func idx(_ dimensions: [Int], _ content: [UInt8]) -> [UInt8] {
  let magic: [UInt8] = [0, 0, 8, UInt8(dimensions.count)]
  return magic + dimensions.flatMap { bigEndian(UInt32($0)) } + content
}

func bigEndian(_ word: UInt32) -> [UInt8] { withUnsafeBytes(of: word.bigEndian) { Array($0) } }

/// `count` bytes that look different everywhere.
func pattern(_ count: Int) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ ($0 >> 5)) }
}

/// One gzip member.
func gzip(_ content: [UInt8]) -> [UInt8] {
  var stream = z_stream()
  let size = Int32(MemoryLayout<z_stream>.size)
  precondition(
    deflateInit2_(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK)
  defer { deflateEnd(&stream) }
  var input = content
  var output = [UInt8](repeating: 0, count: content.count + content.count / 100 + 64)
  input.withUnsafeMutableBufferPointer { input in
    output.withUnsafeMutableBufferPointer { output in
      stream.next_in = input.baseAddress
      stream.avail_in = UInt32(input.count)
      stream.next_out = output.baseAddress
      stream.avail_out = UInt32(output.count)
      precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END)
    }
  }
  return Array(output.prefix(Int(stream.total_out)))
}

/// A set of 4 training and 3 validation images of 2x3 pixels and 3 classes, as own files.
struct SmallSet {
  var trainImages = idx([4, 2, 3], pattern(24))
  var trainLabels = idx([4], [0, 2, 1, 2])
  var validationImages = idx([3, 2, 3], pattern(18))
  var validationLabels = idx([3], [2, 0, 0])

  func write(to folder: TemporaryFolder, suffix: String = "") throws -> IDXFiles {
    IDXFiles(
      trainImages: try folder.write(trainImages, "a" + suffix),
      trainLabels: try folder.write(trainLabels, "b" + suffix),
      validationImages: try folder.write(validationImages, "c" + suffix),
      validationLabels: try folder.write(validationLabels, "d" + suffix))
  }

  func load(trainLimit: Int? = nil, validationLimit: Int? = nil) throws -> Dataset {
    let folder = try TemporaryFolder()
    let files = try write(to: folder)
    return try Dataset.load(
      DatasetSource(idx: files, trainLimit: trainLimit, validationLimit: validationLimit), in: folder.data)
  }
}

extension LabeledImages {
  func image(_ index: Int) -> [UInt8] { withImage(index) { Array($0) } }
  var allLabels: [Int] { (0..<count).map(label) }
}
