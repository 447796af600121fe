extension UnsafeBufferPointer<UInt8> {
  /// The offset of the first byte that is not part of a well-formed UTF-8 character (Unicode 16, table 3-7).
  var firstByteNotUTF8: Int? {
    var index = 0
    while index < count {
      let (length, second) = Self.form(self[index])
      guard length > 0 else { return index }
      if length > 1 {
        guard index + length <= count, second.contains(self[index + 1]) else { return index }
        for place in index + 2..<index + length where self[place] & 0xC0 != 0x80 { return index }
      }
      index += length
    }
    return nil
  }

  /// How many bytes a character has that begins with `first`, and what its second one may be; 0 where none does.
  private static func form(_ first: UInt8) -> (length: Int, second: ClosedRange<UInt8>) {
    switch first {
    case 0x00...0x7F: (1, 0...0)
    case 0xC2...0xDF: (2, 0x80...0xBF)
    case 0xE0: (3, 0xA0...0xBF)
    case 0xED: (3, 0x80...0x9F)
    case 0xE1...0xEF: (3, 0x80...0xBF)
    case 0xF0: (4, 0x90...0xBF)
    case 0xF1...0xF3: (4, 0x80...0xBF)
    case 0xF4: (4, 0x80...0x8F)
    default: (0, 0...0)
    }
  }
}
