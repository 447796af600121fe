/// Named tensors of 32-bit floats or bytes and a map of strings, as a safetensors file holds them.
///
///     try SafetensorsFile.write(
///       [TensorSource("layers.0.bias", shape: [2], values: [0.5, -0.5])], to: path, in: files)
///     let file = try SafetensorsFile(reading: path, in: files)
package struct SafetensorsFile: Sendable, Hashable {
  /// A named array of values, in memory.
  package struct Tensor: Sendable, Hashable {
    package var name: String
    package var type = ElementType.f32
    package var shape: [Int]
    /// Row-major, the last side fastest; none where the type is another.
    package var values: [Float] = []
    /// The same of `u8`.
    package var bytes: [UInt8] = []

    package init(name: String, shape: [Int], values: [Float]) {
      self.name = name
      self.shape = shape
      self.values = values
    }

    package init(name: String, shape: [Int], bytes: [UInt8]) {
      self.name = name
      self.shape = shape
      self.bytes = bytes
      type = .u8
    }
  }

  /// The types of values that BitLab has; the raw value is how a file spells it.
  package enum ElementType: String, Sendable, Hashable {
    case f32 = "F32"
    case u8 = "U8"

    /// Bytes of one.
    package var size: Int { self == .f32 ? 4 : 1 }
  }

  /// In the order of the file.
  package var tensors: [Tensor]
  package var metadata: [String: String]

  package init(tensors: [Tensor], metadata: [String: String] = [:]) {
    self.tensors = tensors
    self.metadata = metadata
  }

  /// The tensor of that name.
  package subscript(name: String) -> Tensor? { tensors.first { $0.name == name } }

  /// What can be written, without a copy of the values.
  package var sources: [TensorSource] {
    tensors.map { tensor in
      tensor.type == .u8
        ? TensorSource(tensor.name, shape: tensor.shape, bytes: tensor.bytes)
        : TensorSource(tensor.name, shape: tensor.shape, values: tensor.values)
    }
  }
}

/// A tensor to be written: its bytes are lent while they are written, and never copied.
package struct TensorSource {
  package let name: String
  package let type: SafetensorsFile.ElementType
  package let shape: [Int]
  /// Calls its argument once with the values: row-major, floats little-endian.
  let lend: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void

  /// `withBytes` calls its argument once with all the values, and with the same ones each time.
  package init(
    _ name: String, shape: [Int],
    withBytes: @escaping ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) {
    self.init(name, .f32, shape: shape, withBytes: withBytes)
  }

  private init(
    _ name: String, _ type: SafetensorsFile.ElementType, shape: [Int],
    withBytes: @escaping ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) {
    self.name = name
    self.type = type
    self.shape = shape
    lend = withBytes
  }

  package init(_ name: String, shape: [Int], values: [Float]) {
    self.init(name, shape: shape) { body in try values.withUnsafeBytes(body) }
  }

  package init(_ name: String, shape: [Int], bytes: [UInt8]) {
    self.init(name, .u8, shape: shape) { body in try bytes.withUnsafeBytes(body) }
  }
}

// MARK: - Writing

extension SafetensorsFile {
  /// Writes a whole file durably. Its bytes are a function of the arguments alone, whatever the order of
  /// `tensors`: they are sorted, see `SafetensorsHeader`. Returns their CRC-32. Throws `FileError`.
  @discardableResult
  package static func write(
    _ tensors: [TensorSource], metadata: [String: String] = [:], to path: String,
    in fileSystem: any FileSystem
  ) throws -> UInt32 {
    var checksum: UInt32 = 0
    try DurableFile.write(to: path, in: fileSystem) { writer in
      try encode(tensors, metadata: metadata) {
        checksum = CRC32.checksum(of: $0, continuing: checksum)
        try writer.write($0)
      }
    }
    return checksum
  }

  /// Writes this file durably. Throws `FileError`.
  package func write(to path: String, in fileSystem: any FileSystem) throws {
    try Self.write(sources, metadata: metadata, to: path, in: fileSystem)
  }

  /// Hands out the file's bytes, piece by piece.
  static func encode(
    _ tensors: [TensorSource], metadata: [String: String],
    _ write: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let header = SafetensorsHeader(tensors.map { ($0.name, $0.type, $0.shape) }, metadata: metadata)
    try header.encoded().withUnsafeBytes(write)
    let sources = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0) })
    for entry in header.entries {
      try sources[entry.name]!.lend { bytes in
        precondition(
          bytes.count == entry.range.count,
          "Safetensors: \(entry.name) of shape \(entry.shape) came with \(bytes.count) bytes")
        try write(bytes)
      }
    }
  }

  /// Bytes that `encode` hands out.
  static func encodedCount(_ tensors: [TensorSource], metadata: [String: String]) -> Int {
    let header = SafetensorsHeader(tensors.map { ($0.name, $0.type, $0.shape) }, metadata: metadata)
    return header.encoded().count + header.dataCount
  }
}

// MARK: - Reading

extension SafetensorsFile {
  /// Reads and checks a file. Throws `FileError`, or `FileContentError` for one that is damaged or holds
  /// values of other types; floats that are not finite are fine.
  package init(
    reading path: String, types: Set<ElementType> = [.f32], in fileSystem: any FileSystem
  ) throws {
    try self.init(decoding: fileSystem.readAll(path), types: types, from: path)
  }

  /// Reads and checks the bytes of a whole file; `path` is for the error.
  package init(
    decoding bytes: [UInt8], types: Set<ElementType> = [.f32], from path: String
  ) throws(FileContentError) {
    do throws(SafetensorsHeader.Defect) {
      self = try bytes.withUnsafeBufferPointer { buffer throws(SafetensorsHeader.Defect) in
        try SafetensorsFile(bytes: UnsafeRawBufferPointer(buffer), types: types)
      }
    } catch {
      throw FileContentError(
        path: path, problem: error.problem,
        remedy: error.isUnsupported
          ? "convert the file to F32" : "get the file anew, or write it again with what made it")
    }
  }

  init(
    bytes: UnsafeRawBufferPointer, types: Set<ElementType> = [.f32]
  ) throws(SafetensorsHeader.Defect) {
    let (header, dataStart) = try SafetensorsHeader.read(from: bytes, types: types)
    tensors = header.entries.map { entry in
      let range = dataStart + entry.range.lowerBound..<dataStart + entry.range.upperBound
      return entry.type == .u8
        ? Tensor(name: entry.name, shape: entry.shape, bytes: Array(bytes[range]))
        : Tensor(name: entry.name, shape: entry.shape, values: floats(bytes[range]))
    }
    metadata = header.metadata
  }
}

#if _endian(big)
  #error("safetensors files are little-endian: swap the bytes of values here and in TensorSource")
#endif

private func floats(_ bytes: Slice<UnsafeRawBufferPointer>) -> [Float] {
  let count = bytes.count / MemoryLayout<Float>.size
  return [Float](unsafeUninitializedCapacity: count) { values, initialized in
    UnsafeMutableRawBufferPointer(values).copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes))
    initialized = count
  }
}
