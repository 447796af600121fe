/// The beginning of an IDX file of unsigned bytes: two zero bytes, the type 0x08, the number of dimensions, then each
/// dimension as a big-endian 32-bit number. The elements follow, the last dimension running fastest.
///
/// Source: the description on the MNIST page, http://yann.lecun.com/exdb/mnist/
struct IDXHeader: Sendable, Hashable {
  let dimensions: [Int]

  /// Bytes of a header with `rank` dimensions.
  static func length(rank: Int) -> Int { 4 + 4 * rank }

  /// Bytes before the first element.
  var length: Int { Self.length(rank: dimensions.count) }

  /// Header and elements; the product is known not to overflow.
  var fileLength: Int { dimensions.reduce(1, *) + length }

  /// Reads the header from a file's first bytes: as many as a header of the largest of `ranks` has, or all.
  ///
  /// - Throws: `truncatedFile`, `wrongMagicNumber`, `emptySet` for 0 elements in the first dimension,
  ///   `wrongDimensions` for 0 in another or for a size that no file has.
  init(_ prefix: [UInt8], of file: SourceFile, ranks: [Int]) throws(DatasetError) {
    guard prefix.count >= 4 else {
      throw .truncated(file, found: prefix.count, expected: Self.length(rank: ranks[0]))
    }
    let magic = Self.word(prefix, at: 0)
    let rank = Int(magic & 0xff)
    guard magic >> 8 == 0x08, ranks.contains(rank) else {
      throw .wrongMagic(file, found: magic, ranks: ranks)
    }
    guard prefix.count >= Self.length(rank: rank) else {
      throw .truncated(file, found: prefix.count, expected: Self.length(rank: rank))
    }
    dimensions = (1...rank).map { Int(Self.word(prefix, at: 4 * $0)) }
    if dimensions[0] == 0 {
      throw DatasetError(
        .emptySet, file: file.path, offset: 4, problem: "an empty set, 0 samples at offset 4",
        remedy: file.repair)
    }
    var size = Self.length(rank: rank)
    var product = 1
    for (axis, dimension) in dimensions.enumerated() {
      let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
      product = next
      size = product.addingReportingOverflow(Self.length(rank: rank)).partialValue
      if overflow || size < product || dimension == 0 {
        throw DatasetError(
          .wrongDimensions, file: file.path, offset: 4 + 4 * axis,
          problem: "impossible dimensions \(dimensions.map(String.init).joined(separator: "x")), "
            + "see the one at offset \(4 + 4 * axis)",
          remedy: file.repair)
      }
    }
  }

  private static func word(_ bytes: [UInt8], at offset: Int) -> UInt32 {
    bytes[offset..<(offset + 4)].reduce(0) { $0 << 8 | UInt32($1) }
  }
}

/// A file of unsigned bytes in the IDX format, its header checked against its length.
struct IDXFile: Sendable {
  let source: SourceFile
  let header: IDXHeader
  /// The whole file, header included.
  let storage: ByteStorage

  /// - Parameter ranks: the numbers of dimensions that are right, the smallest first.
  /// - Throws: `DatasetError` of every kind but `labelOutOfRange` and `mismatch`.
  init(_ source: SourceFile, ranks: [Int]) throws(DatasetError) {
    var header: IDXHeader?
    storage = try ByteStorage.content(of: source, prefixLength: IDXHeader.length(rank: ranks.last!)) {
      prefix throws(DatasetError) in
      let read = try IDXHeader(prefix, of: source, ranks: ranks)
      header = read
      return read.fileLength
    }
    self.source = source
    self.header = header!
  }

  /// The elements of a file of one dimension.
  var elements: ByteColumn {
    ByteColumn(storage, first: header.length, stride: 1, count: header.dimensions[0])
  }
}
