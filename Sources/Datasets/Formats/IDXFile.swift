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
