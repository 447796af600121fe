/// What waits to be written to a client.
///
/// An update may be replaceable: while it waits, a newer one of the same key takes its place, so that whoever reads
/// slowly sees fewer updates but always the latest.
struct OutgoingBytes: Sendable {
  private var writing: [UInt8] = []
  private var written = 0
  private var pending: [UInt8] = []
  /// The replaceable lines that wait, after everything in `pending`.
  private var replaceable: [(key: String, line: [UInt8])] = []
  private var replaceableCount = 0

  /// Bytes not yet written.
  var count: Int { writing.count - written + pending.count + replaceableCount }

  mutating func append(_ line: [UInt8]) {
    settle()
    pending += line
  }

  mutating func append(_ line: [UInt8], replacing key: String) {
    if count == 0 { return append(line) }
    replaceableCount += line.count
    if let place = replaceable.firstIndex(where: { $0.key == key }) {
      replaceableCount -= replaceable[place].line.count
      replaceable[place].line = line
    } else {
      replaceable.append((key, line))
    }
  }

  /// The bytes to write now, from `offset` on; nil when there are none.
  mutating func next() -> (bytes: [UInt8], offset: Int)? {
    if written == writing.count {
      if pending.isEmpty { settle() }
      writing = pending
      pending = []
      written = 0
    }
    return writing.isEmpty ? nil : (writing, written)
  }

  /// Takes note that so many of the bytes of `next` are written.
  mutating func wrote(_ count: Int) {
    written += count
    precondition(written <= writing.count, "OutgoingBytes: wrote \(written) of \(writing.count) bytes")
  }

  /// The replaceable lines take their final place.
  private mutating func settle() {
    for (_, line) in replaceable { pending += line }
    replaceable = []
    replaceableCount = 0
  }
}
