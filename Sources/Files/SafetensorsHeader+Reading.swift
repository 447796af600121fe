import JSON

extension SafetensorsHeader {
  /// What is wrong with a file, without its path.
  struct Defect: Error {
    var problem: String
    /// The content is whole, but of a kind that BitLab does not read.
    var isUnsupported = false
  }

  /// Reads and checks the table of contents of `file`, a whole file's bytes; `dataStart` is where the data
  /// begin.
  ///
  /// Whatever the bytes are, it returns or throws: lengths are compared before they are added, and products
  /// are checked for overflow. Tensors must fill the data exactly, without gaps or overlaps.
  static func read(
    from file: UnsafeRawBufferPointer, types: Set<SafetensorsFile.ElementType> = [.f32]
  ) throws(Defect) -> (header: SafetensorsHeader, dataStart: Int) {
    guard file.count >= 8 else {
      throw Defect(problem: "is \(file.count) bytes long, too short for a safetensors file")
    }
    let length = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
    guard length <= UInt64(maximumLength), length <= UInt64(file.count - 8) else {
      throw Defect(problem: "a header of \(length) bytes is announced in a file of \(file.count) bytes")
    }
    let dataStart = 8 + Int(length)
    let text = UnsafeRawBufferPointer(rebasing: file[8..<dataStart])
    let outcome = JSONParser.parse(text, as: syntax)
    if let problem = outcome.problems.first {
      let (offset, what) = describe(problem, in: text)
      throw Defect(problem: "the header is not the JSON it should be at byte \(8 + offset): \(what)")
    }
    guard let members = outcome.value?.object?.members else {
      throw Defect(problem: "the header is not a JSON object")
    }

    var header = SafetensorsHeader(entries: [], metadata: [:])
    for member in members {
      let (name, value) = (member.key, member.value)
      if name == "__metadata__" {
        header.metadata = try metadata(value)
      } else {
        header.entries.append(try entry(name, value, types))
      }
    }
    try header.checkLayout(dataCount: file.count - dataStart)
    return (header, dataStart)
  }

  private static func metadata(_ json: JSONValue) throws(Defect) -> [String: String] {
    guard let members = json.object?.members else { throw Defect(problem: "__metadata__ is not an object") }
    var map: [String: String] = [:]
    for member in members {
      guard case .string(let text) = member.value else {
        throw Defect(problem: "__metadata__ has a value that is not a string, of \(member.key)")
      }
      map[member.key] = text
    }
    return map
  }

  private static func entry(
    _ name: String, _ json: JSONValue, _ types: Set<SafetensorsFile.ElementType>
  ) throws(Defect) -> Entry {
    guard let members = json.object?.members else { throw Defect(problem: "tensor \(name) is not an object") }
    let fields = Dictionary(members.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    guard members.count == 3, let spelled = fields["dtype"]?.string, let shape = fields["shape"]?.naturals,
      let offsets = fields["data_offsets"]?.naturals, offsets.count == 2
    else {
      throw Defect(problem: "tensor \(name) does not have exactly dtype, shape and two data_offsets")
    }
    guard let type = SafetensorsFile.ElementType(rawValue: spelled), types.contains(type) else {
      let read = types.map(\.rawValue).sorted().joined(separator: " and ")
      throw Defect(
        problem: "tensor \(name) holds \(spelled) values; BitLab reads \(read)", isUnsupported: true)
    }
    var byteCount = type.size
    // A zero anywhere makes an empty tensor, however large the other sides.
    if shape.contains(0) { byteCount = 0 }
    for side in shape where byteCount != 0 {
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: side)
      if overflow { throw Defect(problem: "tensor \(name) has the impossible shape \(shape)") }
      byteCount = product
    }
    guard offsets[0] <= offsets[1], offsets[1] - offsets[0] == byteCount else {
      throw Defect(
        problem: "tensor \(name) of shape \(shape) needs \(byteCount) bytes, not those in \(offsets)")
    }
    return Entry(name: name, type: type, shape: shape, range: offsets[0]..<offsets[1])
  }

  /// Puts the entries in the order of the data.
  private mutating func checkLayout(dataCount: Int) throws(Defect) {
    entries.sort {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    var end = 0
    for entry in entries {
      guard entry.range.lowerBound == end else {
        throw Defect(
          problem: "tensor \(entry.name) begins at byte \(entry.range.lowerBound) of the data, not at \(end)")
      }
      end = entry.range.upperBound
    }
    guard end == dataCount else {
      throw Defect(problem: "the tensors take \(end) bytes, but \(dataCount) follow the header")
    }
  }
}

extension JSONValue {
  /// The numbers of an array: a header's arrays hold nothing else.
  fileprivate var naturals: [Int]? { array?.compactMap(\.integer) }
}
