import Foundation

/// Bytes in, lines out: at most one line's worth of bytes is kept.
///
/// Each byte is looked at once, however small the pieces are that it comes in.
struct LineBuffer: Sendable {
  /// The longest line, without its line feed.
  let limit: Int
  private var bytes: [UInt8] = []
  /// Where the next line begins.
  private var start = 0
  /// Up to here there is no line feed.
  private var scanned = 0

  init(limit: Int) {
    self.limit = limit
  }

  /// Bytes that are kept.
  var count: Int { bytes.count - start }

  /// How many more bytes may be appended: enough for the longest line and its line feed.
  var room: Int { limit + 1 - count }

  mutating func append(_ piece: some Collection<UInt8>) {
    precondition(piece.count <= room, "LineBuffer: \(piece.count) bytes into room for \(room)")
    bytes += piece
  }

  /// Takes the next whole line, without its line feed; nil where there is none yet.
  mutating func next() -> [UInt8]? {
    guard let end = lineFeed(from: scanned) else {
      scanned = bytes.count
      return nil
    }
    let line = Array(bytes[start..<end])
    start = end + 1
    scanned = start
    // What was taken is dropped once it is the larger half, so that a line costs no more than its own length.
    if start > bytes.count - start {
      bytes.removeSubrange(..<start)
      if bytes.isEmpty { bytes = [] }
      scanned -= start
      start = 0
    }
    return line
  }

  private func lineFeed(from start: Int) -> Int? {
    bytes.withUnsafeBytes { buffer in
      guard start < buffer.count, let base = buffer.baseAddress,
        let found = memchr(base + start, Int32(UInt8(ascii: "\n")), buffer.count - start)
      else { return nil }
      return UnsafeRawPointer(found) - base
    }
  }

  /// Whether the line under way is longer than the limit, after `next` found none.
  var isOverlong: Bool { count > limit }

  mutating func removeAll() {
    self = LineBuffer(limit: limit)
  }
}
