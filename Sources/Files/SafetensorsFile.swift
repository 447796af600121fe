/// Named tensors of 32-bit floats and a map of strings, as a safetensors file holds them.
///
///     try SafetensorsFile.write(
///       [TensorSource("layers.0.bias", shape: [2], values: [0.5, -0.5])], to: path, in: files)
///     let file = try SafetensorsFile(reading: path, in: files)
package struct SafetensorsFile: Sendable, Hashable {
  /// A named array of values, in memory.
  package struct Tensor: Sendable, Hashable {
    package var name: String
    package var shape: [Int]
    /// Row-major, the last side fastest.
    package var values: [Float]

    package init(name: String, shape: [Int], values: [Float]) {
      self.name = name
      self.shape = shape
      self.values = values
    }
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
    tensors.map { TensorSource($0.name, shape: $0.shape, values: $0.values) }
  }
}

/// A tensor to be written: its bytes are lent while they are written, and never copied.
package struct TensorSource {
  package let name: String
  package let shape: [Int]
  /// Calls its argument once with the values: little-endian 32-bit floats, row-major.
  let lend: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void

  /// `withBytes` calls its argument once with all the values, and with the same ones each time.
  package init(
    _ name: String, shape: [Int],
    withBytes: @escaping ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) {
    self.name = name
    self.shape = shape
    lend = withBytes
  }

  package init(_ name: String, shape: [Int], values: [Float]) {
    self.init(name, shape: shape) { body in try values.withUnsafeBytes(body) }
  }
}

// MARK: - Writing

extension SafetensorsFile {
  /// Writes a whole file durably. Its bytes are a function of the arguments alone, whatever the order of
  /// `tensors`: they are sorted by name. Returns their CRC-32. Throws `FileError`.
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
    let header = SafetensorsHeader(tensors.map { ($0.name, $0.shape) }, metadata: metadata)
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
    let header = SafetensorsHeader(tensors.map { ($0.name, $0.shape) }, metadata: metadata)
    return header.encoded().count + header.dataCount
  }
}

// MARK: - Reading

extension SafetensorsFile {
  /// Reads and checks a file. Throws `FileError`, or `FileContentError` for one that is damaged or holds
  /// other values than 32-bit floats; values that are not finite are fine.
  package init(reading path: String, in fileSystem: any FileSystem) throws {
    try self.init(decoding: fileSystem.readAll(path), from: path)
  }

  /// Reads and checks the bytes of a whole file; `path` is for the error.
  package init(decoding bytes: [UInt8], from path: String) throws(FileContentError) {
    do throws(SafetensorsHeader.Defect) {
      self = try bytes.withUnsafeBufferPointer { buffer throws(SafetensorsHeader.Defect) in
        try SafetensorsFile(bytes: UnsafeRawBufferPointer(buffer))
      }
    } catch {
      throw FileContentError(
        path: path, problem: error.problem,
        remedy: error.isUnsupported
          ? "convert the file to F32" : "get the file anew, or write it again with what made it")
    }
  }

  init(bytes: UnsafeRawBufferPointer) throws(SafetensorsHeader.Defect) {
    let (header, dataStart) = try SafetensorsHeader.read(from: bytes)
    tensors = header.entries.map { entry in
      let range = dataStart + entry.range.lowerBound..<dataStart + entry.range.upperBound
      return Tensor(name: entry.name, shape: entry.shape, values: floats(bytes[range]))
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
