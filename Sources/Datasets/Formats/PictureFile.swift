import CZlib
import TensorCore

/// Images without labels, as somebody has them in a file of his own: IDX, PGM or PPM, PNG. Pixels are bytes, channel by
/// channel and row by row.
package struct Pictures: Sendable {
  package let count: Int
  package let shape: ImageShape
  /// The pixel value that stands for white.
  package let whiteLevel: UInt8
  private let pixels: [UInt8]

  fileprivate init(count: Int, shape: ImageShape, whiteLevel: UInt8, pixels: [UInt8]) {
    precondition(
      pixels.count == count * shape.count, "Pictures: \(count) of \(shape) in \(pixels.count) bytes")
    self.count = count
    self.shape = shape
    self.whiteLevel = whiteLevel
    self.pixels = pixels
  }

  /// Calls `body` with the bytes of an image.
  package func withImage<Result>(_ index: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    precondition(index >= 0 && index < count, "Pictures: image \(index) of \(count)")
    return pixels.withUnsafeBufferPointer {
      body(UnsafeBufferPointer(rebasing: $0[index * shape.count..<(index + 1) * shape.count]))
    }
  }
}

extension Pictures {
  /// Reads a file whose images must have the given shape; what it is its first bytes tell.
  ///
  /// - Parameter whiteLevel: of the values in an IDX file, which does not say; the others do.
  /// - Throws: `DatasetError`.
  package init(reading path: String, shape: ImageShape, whiteLevel: UInt8) throws(DatasetError) {
    let file = SourceFile(path: path)
    let start = try FileReader(file).peek(8)
    if start.starts(with: PNGFile.signature) {
      self = try PNGFile(file).pictures(shape: shape)
    } else if start.count > 2, start[0] == UInt8(ascii: "P"), [0x35, 0x36].contains(start[1]) {
      self = try NetpbmFile(file).pictures(shape: shape)
    } else if start.starts(with: [0, 0]) || start.starts(with: [0x1F, 0x8B]) {
      self = try Self.idx(file, shape: shape, whiteLevel: whiteLevel)
    } else {
      throw .picture(file, "is no IDX, PGM, PPM or PNG file")
    }
  }

  private static func idx(
    _ file: SourceFile, shape: ImageShape, whiteLevel: UInt8
  ) throws(DatasetError) -> Pictures {
    let idx = try IDXFile(file, ranks: [2, 3, 4])
    // One image alone is a file of two dimensions.
    let sides = idx.header.dimensions
    let count = sides.count == 2 ? 1 : sides[0]
    let found = ImageShape(
      channels: sides.count == 4 ? sides[1] : 1, height: sides[sides.count - 2], width: sides[sides.count - 1]
    )
    try check(found, is: shape, of: file)
    let pixels = idx.storage.withBytes { Array($0[idx.header.length..<idx.header.fileLength]) }
    return Pictures(count: count, shape: shape, whiteLevel: whiteLevel, pixels: pixels)
  }

  fileprivate static func check(
    _ found: ImageShape, is expected: ImageShape, of file: SourceFile
  ) throws(DatasetError) {
    guard found != expected else { return }
    func text(_ shape: ImageShape) -> String {
      let colors = shape.channels == 1 ? "gray" : "\(shape.channels) channels"
      return "\(shape.width) pixels wide and \(shape.height) high, \(colors)"
    }
    throw DatasetError(
      .wrongDimensions, file: file.path, problem: "is \(text(found)), expected \(text(expected))",
      remedy: "give images as the model was trained on")
  }

  /// Channel after channel, of pixels whose channels are side by side.
  fileprivate static func planar(_ pixels: [UInt8], channels: Int, of samples: Int) -> [UInt8] {
    let count = samples == 0 ? 0 : pixels.count / samples
    return (0..<channels).flatMap { channel in (0..<count).map { pixels[$0 * samples + channel] } }
  }
}

extension DatasetError {
  fileprivate static func picture(_ file: SourceFile, _ problem: String) -> DatasetError {
    DatasetError(
      .wrongMagicNumber, file: file.path, problem: problem,
      remedy: "give IDX with unsigned bytes, binary PGM or PPM, or PNG with 8 bits a channel")
  }

  fileprivate static func cut(_ file: SourceFile) -> DatasetError {
    DatasetError(
      .truncatedFile, file: file.path, problem: "ends in the middle of the image",
      remedy: "get the file anew, or write it again with what made it")
  }
}

extension SourceFile {
  /// All bytes of a file that holds one picture.
  fileprivate func bytes() throws(DatasetError) -> [UInt8] {
    let reader = try FileReader(self)
    guard reader.byteCount <= 64 << 20 else {
      throw .picture(self, "has \(reader.byteCount) bytes, more than a picture of a model's size can have")
    }
    return try reader.peek(reader.byteCount)
  }
}

/// Binary PGM (`P5`) or PPM (`P6`). Source: the man pages pgm(5) and ppm(5) of Netpbm.
private struct NetpbmFile {
  let file: SourceFile
  private let bytes: [UInt8]
  private var place = 2

  init(_ file: SourceFile) throws(DatasetError) {
    self.file = file
    bytes = try file.bytes()
  }

  /// The next number of the header; comments run from `#` to the end of their line.
  private mutating func number() throws(DatasetError) -> Int {
    func isBlank(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0B, 0x0C, 0x0D].contains(byte) }
    while place < bytes.count, isBlank(bytes[place]) || bytes[place] == UInt8(ascii: "#") {
      if bytes[place] == UInt8(ascii: "#") {
        while place < bytes.count, bytes[place] != 0x0A { place += 1 }
      } else {
        place += 1
      }
    }
    var value = 0
    let start = place
    while place < bytes.count, (0x30...0x39).contains(bytes[place]), value < 1_000_000 {
      value = 10 * value + Int(bytes[place] - 0x30)
      place += 1
    }
    guard place > start, place < bytes.count, isBlank(bytes[place]) else {
      throw .picture(file, "has no header of a PGM or PPM file")
    }
    return value
  }

  func pictures(shape: ImageShape) throws(DatasetError) -> Pictures {
    var header = self
    let channels = bytes[1] == UInt8(ascii: "5") ? 1 : 3
    let (width, height) = (try header.number(), try header.number())
    let white = try header.number()
    guard (1...255).contains(white) else {
      throw .picture(file, "has values up to \(white), expected at most 255")
    }
    let found = ImageShape(channels: channels, height: height, width: width)
    try Pictures.check(found, is: shape, of: file)
    // One blank ends the header.
    let pixels = Array(bytes[(header.place + 1)...].prefix(shape.count))
    guard pixels.count == shape.count else { throw .cut(file) }
    if let value = pixels.max(), value > white {
      throw .picture(file, "has a pixel of \(value), and says that \(white) is white")
    }
    return Pictures(
      count: 1, shape: shape, whiteLevel: UInt8(white),
      pixels: Pictures.planar(pixels, channels: channels, of: channels))
  }
}

/// PNG with 8 bits a channel, gray or colored, not interlaced. Source: <https://www.w3.org/TR/png-3/>.
private struct PNGFile {
  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  let file: SourceFile
  private let bytes: [UInt8]

  init(_ file: SourceFile) throws(DatasetError) {
    self.file = file
    bytes = try file.bytes()
  }

  private struct Header {
    var shape: ImageShape
    /// Bytes of a pixel: its channels, and one more where there is an alpha channel.
    var samples: Int
  }

  private func word(_ place: Int) -> Int { bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) } }

  func pictures(shape: ImageShape) throws(DatasetError) -> Pictures {
    var header: Header?
    var compressed: [UInt8] = []
    var hasEnd = false
    var place = Self.signature.count
    while !hasEnd {
      guard bytes.count - place >= 12, word(place) <= bytes.count - place - 12 else { throw .cut(file) }
      let (length, content) = (word(place), place + 8)
      try checkSum(from: place + 4, count: length + 4)
      switch String(decoding: bytes[place + 4..<content], as: UTF8.self) {
      case "IHDR":
        header = try read(headerAt: content, length: length)
        // Before anything is taken of a size that somebody may have made up.
        try Pictures.check(header!.shape, is: shape, of: file)
      case "IDAT": compressed += bytes[content..<content + length]
      case "IEND": hasEnd = true
      default: break
      }
      place = content + length + 4
    }
    guard let header else { throw .picture(file, "is a PNG file without a header") }
    let rows = try unfiltered(try inflated(compressed, header), header)
    if header.samples > shape.channels,
      (0..<shape.height * shape.width).contains(where: { rows[($0 + 1) * header.samples - 1] != 255 })
    {
      throw .picture(file, "is partly transparent")
    }
    return Pictures(
      count: 1, shape: shape, whiteLevel: 255,
      pixels: Pictures.planar(rows, channels: shape.channels, of: header.samples))
  }

  private func checkSum(from start: Int, count: Int) throws(DatasetError) {
    let sum = bytes.withUnsafeBufferPointer { crc32(0, $0.baseAddress! + start, UInt32(count)) }
    guard Int(sum) == word(start + count) else {
      throw DatasetError(
        .damagedGzip, file: file.path, offset: start + count,
        problem: "has a wrong checksum at offset \(start + count)",
        remedy: "get the file anew, or write it again with what made it")
    }
  }

  private func read(headerAt place: Int, length: Int) throws(DatasetError) -> Header {
    guard length == 13 else { throw .picture(file, "is a PNG file with a header of \(length) bytes") }
    let (depth, color, interlace) = (bytes[place + 8], bytes[place + 9], bytes[place + 12])
    let channels: [UInt8: (channels: Int, samples: Int)] = [0: (1, 1), 2: (3, 3), 4: (1, 2), 6: (3, 4)]
    guard depth == 8, let kind = channels[color], interlace == 0 else {
      let what = color == 3 ? "a palette" : interlace != 0 ? "interlaced rows" : "\(depth) bits a channel"
      throw .picture(file, "is a PNG file with \(what)")
    }
    return Header(
      shape: ImageShape(channels: kind.channels, height: word(place + 4), width: word(place)),
      samples: kind.samples)
  }

  /// The filtered rows, each with its filter in front.
  private func inflated(_ compressed: [UInt8], _ header: Header) throws(DatasetError) -> [UInt8] {
    let size = header.shape.height * (1 + header.shape.width * header.samples)
    var length = uLong(size)
    var rows = [UInt8](repeating: 0, count: size)
    let code = uncompress(&rows, &length, compressed, uLong(compressed.count))
    guard code == Z_OK, length == size else {
      throw DatasetError(
        .damagedGzip, file: file.path, problem: "its compressed pixels are damaged",
        remedy: "get the file anew, or write it again with what made it")
    }
    return rows
  }

  /// Undoes the rows' filters: each byte was written as its difference to what its neighbours foretell.
  private func unfiltered(_ filtered: [UInt8], _ header: Header) throws(DatasetError) -> [UInt8] {
    let (samples, stride) = (header.samples, header.shape.width * header.samples)
    var rows = [UInt8](repeating: 0, count: header.shape.height * stride)
    for row in 0..<header.shape.height {
      let filter = filtered[row * (stride + 1)]
      guard filter <= 4 else { throw .picture(file, "has a row with the unknown filter \(filter)") }
      for column in 0..<stride {
        let place = row * stride + column
        let left = column >= samples ? Int(rows[place - samples]) : 0
        let up = row > 0 ? Int(rows[place - stride]) : 0
        let corner = row > 0 && column >= samples ? Int(rows[place - stride - samples]) : 0
        let foretold =
          switch filter {
          case 1: left
          case 2: up
          case 3: (left + up) / 2
          case 4: Self.paeth(left, up, corner)
          default: 0
          }
        rows[place] = filtered[row * (stride + 1) + 1 + column] &+ UInt8(foretold)
      }
    }
    return rows
  }

  /// The neighbour that is nearest to `left + up - corner`.
  private static func paeth(_ left: Int, _ up: Int, _ corner: Int) -> Int {
    let (toLeft, toUp, toCorner) = (abs(up - corner), abs(left - corner), abs(left + up - 2 * corner))
    if toLeft <= toUp, toLeft <= toCorner { return left }
    return toUp <= toCorner ? up : corner
  }
}
