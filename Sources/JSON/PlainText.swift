extension UnsafeBufferPointer<UInt8> {
  /// The first place from `start` on whose byte cannot be inside a JSON string as it is: a quote, a backslash or a
  /// control character; the end where there is none.
  ///
  /// Looks at eight bytes at a time: most strings are long or plain or both.
  func endOfPlainText(from start: Int) -> Int {
    let (ones, tops) = (0x0101_0101_0101_0101 as UInt64, 0x8080_8080_8080_8080 as UInt64)
    /// The top bit of each byte that is less than `bound`, which is at most 128; above the first such byte also of others.
    func below(_ word: UInt64, _ bound: UInt64) -> UInt64 { (word &- ones &* bound) & ~word & tops }
    let raw = UnsafeRawBufferPointer(self)
    var index = start
    while index + 8 <= count {
      let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      let quotes = below(word ^ ones &* UInt64(UInt8(ascii: "\"")), 1)
      let backslashes = below(word ^ ones &* UInt64(UInt8(ascii: "\\")), 1)
      let found = quotes | backslashes | below(word, 0x20)
      if found != 0 { return index + found.trailingZeroBitCount / 8 }
      index += 8
    }
    while index < count {
      let byte = self[index]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { return index }
      index += 1
    }
    return count
  }

  /// Whether all bytes are ASCII.
  var isASCII: Bool {
    let raw = UnsafeRawBufferPointer(self)
    var bits: UInt64 = 0
    var index = 0
    while index + 8 <= count {
      bits |= raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      index += 8
    }
    while index < count {
      bits |= UInt64(self[index])
      index += 1
    }
    return bits & 0x8080_8080_8080_8080 == 0
  }
}
