import CZlib
import TensorCore
import Testing

@testable import Datasets

/// Files with images of somebody's own.
struct PictureTests {
  private static let gray = ImageShape(channels: 1, height: 4, width: 5)
  private static let color = ImageShape(channels: 3, height: 4, width: 5)

  private func read(_ bytes: [UInt8], _ shape: ImageShape = gray, white: UInt8 = 255) throws -> Pictures {
    let folder = try TemporaryFolder()
    return try Pictures(reading: try folder.write(bytes, "picture"), shape: shape, whiteLevel: white)
  }

  private func pixels(_ pictures: Pictures, _ index: Int = 0) -> [UInt8] {
    pictures.withImage(index) { Array($0) }
  }

  private func fails(
    _ bytes: [UInt8], _ shape: ImageShape = gray, kind: DatasetError.Kind, says: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    do {
      _ = try read(bytes, shape)
      Issue.record("it was read", sourceLocation: sourceLocation)
    } catch let error as DatasetError {
      #expect(
        error.kind == kind && error.description.contains(says), "\(error)", sourceLocation: sourceLocation)
    } catch {
      Issue.record("\(error)", sourceLocation: sourceLocation)
    }
  }

  // MARK: - PNG

  private func chunk(_ type: String, _ content: [UInt8]) -> [UInt8] {
    let named = Array(type.utf8) + content
    return bigEndian(UInt32(content.count)) + named + bigEndian(UInt32(crc32(0, named, UInt32(named.count))))
  }

  private func deflated(_ bytes: [UInt8]) -> [UInt8] {
    var length = compressBound(uLong(bytes.count))
    var output = [UInt8](repeating: 0, count: Int(length))
    precondition(compress(&output, &length, bytes, uLong(bytes.count)) == Z_OK)
    return Array(output.prefix(Int(length)))
  }

  private func header(
    _ shape: ImageShape, color: UInt8, depth: UInt8 = 8, interlace: UInt8 = 0
  ) -> [UInt8] {
    chunk(
      "IHDR",
      bigEndian(UInt32(shape.width)) + bigEndian(UInt32(shape.height)) + [depth, color, 0, 0, interlace])
  }

  /// Rows of pixels whose `samples` lie side by side, each filtered in its own way.
  private func filtered(_ bytes: [UInt8], samples: Int, filters: [UInt8]) -> [UInt8] {
    let stride = bytes.count / filters.count
    func value(_ row: Int, _ column: Int) -> Int {
      row < 0 || column < 0 ? 0 : Int(bytes[row * stride + column])
    }
    return filters.enumerated().flatMap { row, filter in
      [filter]
        + (0..<stride).map { column in
          let (left, up, corner) = (
            value(row, column - samples), value(row - 1, column), value(row - 1, column - samples)
          )
          let estimate = left + up - corner
          let nearest = [left, up, corner].min { abs($0 - estimate) < abs($1 - estimate) }!
          let foretold = [0, left, up, (left + up) / 2, nearest][Int(filter)]
          return UInt8(truncatingIfNeeded: value(row, column) - foretold)
        }
    }
  }

  private func png(
    _ bytes: [UInt8], _ shape: ImageShape, color: UInt8, samples: Int, filters: [UInt8] = [0, 1, 2, 3]
  ) -> [UInt8] {
    let data = deflated(filtered(bytes, samples: samples, filters: filters))
    // In two pieces, and with something between that nobody needs.
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + header(shape, color: color)
      + chunk("tEXt", Array("Title\0x".utf8)) + chunk("IDAT", Array(data.prefix(7)))
      + chunk("IDAT", Array(data.dropFirst(7))) + chunk("IEND", [])
  }

  @Test(arguments: [[0, 1, 2, 3], [4, 4, 4, 4], [3, 2, 1, 4], [1, 3, 4, 0]] as [[UInt8]])
  func everyFilterIsUndone(filters: [UInt8]) throws {
    let values = pattern(20)
    let read = try read(png(values, Self.gray, color: 0, samples: 1, filters: filters))
    #expect(read.count == 1 && read.whiteLevel == 255 && pixels(read) == values)
    let colors = pattern(60)
    let planes = (0..<3).flatMap { channel in (0..<20).map { colors[3 * $0 + channel] } }
    #expect(
      pixels(try self.read(png(colors, Self.color, color: 2, samples: 3, filters: filters), Self.color))
        == planes)
  }

  /// What is opaque everywhere loses nothing without its alpha channel.
  @Test func opaquePicturesLoseTheirAlpha() throws {
    let values = pattern(20)
    let opaque: [UInt8] = values.flatMap { (value: UInt8) -> [UInt8] in [value, 255] }
    #expect(pixels(try read(png(opaque, Self.gray, color: 4, samples: 2))) == values)
    var transparent = opaque
    transparent[7] = 254
    fails(
      png(transparent, Self.gray, color: 4, samples: 2), kind: .wrongMagicNumber, says: "partly transparent")
  }

  @Test func otherAndDamagedPNGsAreSaid() {
    let good = png(pattern(20), Self.gray, color: 0, samples: 1)
    let signature = Array(good.prefix(8))
    fails(
      good, Self.color, kind: .wrongDimensions,
      says: "4 high, gray, expected 5 pixels wide and 4 high, 3 channels")
    fails(signature + header(Self.gray, color: 3), kind: .wrongMagicNumber, says: "with a palette")
    fails(
      signature + header(Self.gray, color: 0, depth: 16), kind: .wrongMagicNumber, says: "16 bits a channel")
    fails(
      signature + header(Self.gray, color: 0, interlace: 1), kind: .wrongMagicNumber, says: "interlaced rows")
    fails(signature + chunk("IEND", []), kind: .wrongMagicNumber, says: "without a header")
    fails(Array(good.dropLast()), kind: .truncatedFile, says: "ends in the middle")
    fails(signature, kind: .truncatedFile, says: "ends in the middle")
    var flipped = good
    flipped[20] ^= 1
    fails(flipped, kind: .damagedGzip, says: "wrong checksum at offset 29")
    fails(
      signature + header(Self.gray, color: 0) + chunk("IDAT", [1, 2, 3]) + chunk("IEND", []),
      kind: .damagedGzip, says: "compressed pixels are damaged")
    // One row fewer than the header says.
    fails(
      signature + header(Self.gray, color: 0) + chunk("IDAT", deflated([UInt8](repeating: 0, count: 18)))
        + chunk("IEND", []), kind: .damagedGzip, says: "compressed pixels are damaged")
    let huge = ImageShape(channels: 1, height: 0x7FFF_FFFF, width: 0x7FFF_FFFF)
    fails(signature + header(huge, color: 0), kind: .wrongDimensions, says: "2147483647 pixels wide")
    // Whatever is cut off, it is said.
    for length in 8..<good.count {
      #expect(throws: DatasetError.self) { try read(Array(good.prefix(length))) }
    }
  }

  // MARK: - PGM, PPM, IDX

  @Test func grayAndColoredMapsAreRead() throws {
    let values = pattern(20)
    let read = try read(Array("P5\n# made by hand\n5 # wide\n4\n255\n".utf8) + values)
    #expect(pixels(read) == values && read.whiteLevel == 255)
    let few = values.map { $0 & 15 }
    #expect(try self.read(Array("P5 5 4 15 ".utf8) + few, white: 99).whiteLevel == 15)
    let colors = pattern(60)
    let planes = (0..<3).flatMap { channel in (0..<20).map { colors[3 * $0 + channel] } }
    #expect(pixels(try self.read(Array("P6 5 4 255\n".utf8) + colors, Self.color)) == planes)
    fails(Array("P5 5 4 65535\n".utf8) + values, kind: .wrongMagicNumber, says: "values up to 65535")
    fails(Array("P5 5 4 9\n".utf8) + values, kind: .wrongMagicNumber, says: "says that 9 is white")
    fails(Array("P5 5 4 255\n".utf8) + values.dropLast(), kind: .truncatedFile, says: "ends in the middle")
    fails(Array("P6 5 4 255\n".utf8) + colors, kind: .wrongDimensions, says: "3 channels, expected")
    for text in [
      "P5", "P5 5", "P5 5 x 255 ", "P5 5 4 255", "P5 -5 4 255\n", "P5 99999999999999999999 4 255\n",
    ] {
      #expect(throws: DatasetError.self, "\(text)") { try self.read(Array(text.utf8)) }
    }
  }

  @Test func idxFilesHaveOneImageOrMany() throws {
    let values = pattern(60)
    let many = try read(idx([3, 4, 5], values), white: 16)
    #expect(many.count == 3 && many.whiteLevel == 16 && pixels(many, 2) == Array(values[40...]))
    #expect(pixels(try read(gzip(idx([4, 5], Array(values[..<20]))))) == Array(values[..<20]))
    #expect(try read(idx([1, 3, 4, 5], values), Self.color).count == 1)
    fails(idx([4, 4], Array(values[..<16])), kind: .wrongDimensions, says: "is 4 pixels wide and 4 high")
    fails(Array(idx([3, 4, 5], values).dropLast()), kind: .truncatedFile, says: "bytes")
    fails(Array("<html>".utf8), kind: .wrongMagicNumber, says: "is no IDX, PGM, PPM or PNG file")
    fails([], kind: .wrongMagicNumber, says: "is no IDX, PGM, PPM or PNG file")
  }
}
