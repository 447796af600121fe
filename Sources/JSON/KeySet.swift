/// The keys of an object so far, to find one that comes again.
///
/// Keys that differ only in how Unicode composes their characters are the same.
struct KeySet {
  /// So many keys are compared with each other; more than that are kept in a set.
  private static let few = 32

  /// The bits of the keys so far.
  private var filter: UInt64 = 0
  private var many: Set<String> = []

  /// Adds the key of the member that follows these; false where one of them has it already.
  mutating func insert(_ key: String, after members: [JSONMember]) -> Bool {
    if members.count >= Self.few {
      if many.isEmpty { many = Set(members.lazy.map(\.key)) }
      return many.insert(key).inserted
    }
    let bits = Self.bits(key)
    defer { filter |= bits }
    // Most keys of a small object have a bit of their own and need no comparison.
    return filter & bits == 0 || !members.contains { $0.key == key }
  }

  /// One bit, the same for equal keys in ASCII. Any other key has all of them: it may equal a key of other bytes.
  private static func bits(_ key: String) -> UInt64 {
    var key = key
    return key.withUTF8 { utf8 in
      guard utf8.isASCII else { return ~0 }
      var hash = UInt64(utf8.count)
      for byte in utf8.suffix(8) { hash = hash << 7 ^ UInt64(byte) }
      return 1 << ((hash &* 0x9E37_79B9_7F4A_7C15) >> 58)
    }
  }
}
