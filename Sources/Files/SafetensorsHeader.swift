import JSON

/// The table of contents of a safetensors file: which tensor lies where, and a map of strings.
///
/// A file is: the header's length (8 bytes, little-endian), the header (JSON, padded with spaces so that the
/// data begin at a multiple of 8), the tensors' bytes one after the other without gaps.
/// Source: <https://github.com/huggingface/safetensors>, "Format".
struct SafetensorsHeader: Hashable {
  struct Entry: Hashable {
    var name: String
    var type: SafetensorsFile.ElementType
    var shape: [Int]
    /// Where the values are, in bytes from the end of the header.
    var range: Range<Int>
  }

  /// In the order of the data.
  var entries: [Entry]
  var metadata: [String: String]

  /// What the reference implementation refuses to read beyond.
  static let maximumLength = 100_000_000
}

extension SafetensorsHeader {
  /// Lays out tensors one after the other as the reference implementation does: the larger types first, so that all are
  /// aligned, and each sorted by name.
  init(
    _ tensors: [(name: String, type: SafetensorsFile.ElementType, shape: [Int])], metadata: [String: String]
  ) {
    var end = 0
    entries = []
    let sorted = tensors.sorted {
      $0.type == $1.type ? precedes($0.name, $1.name) : $0.type.size > $1.type.size
    }
    precondition(Set(tensors.map(\.name)).count == tensors.count, "Safetensors: two tensors of one name")
    for tensor in sorted {
      precondition(
        tensor.name != "__metadata__", "Safetensors: a tensor cannot be named \(tensor.name)")
      precondition(
        tensor.shape.allSatisfy { $0 >= 0 }, "Safetensors: \(tensor.name) of shape \(tensor.shape)")
      let begin = end
      end += tensor.shape.reduce(1, *) * tensor.type.size
      entries.append(Entry(name: tensor.name, type: tensor.type, shape: tensor.shape, range: begin..<end))
    }
    self.metadata = metadata
  }

  /// Bytes of all values.
  var dataCount: Int { entries.last?.range.upperBound ?? 0 }

  /// The bytes that come before the data: a function of names, shapes and metadata alone.
  func encoded() -> [UInt8] {
    var members: [JSONMember] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { precedes($0.key, $1.key) }
      let map = JSONObject(pairs.map { JSONMember($0.key, .string($0.value)) })
      members.append(JSONMember("__metadata__", .object(map)))
    }
    for entry in entries {
      let range = entry.range
      let value: JSONValue = [
        "dtype": .string(entry.type.rawValue), "shape": .array(entry.shape.map(JSONValue.integer)),
        "data_offsets": [.integer(range.lowerBound), .integer(range.upperBound)],
      ]
      members.append(JSONMember(entry.name, value))
    }
    var json = JSONWriter.bytes(JSONObject(members), as: .brief)
    while json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }
    return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
  }
}

/// The order of the bytes: Swift's own order of strings is another one beyond ASCII.
private func precedes(_ first: String, _ second: String) -> Bool {
  first.utf8.lexicographicallyPrecedes(second.utf8)
}
