/// A strict parser of JSON (RFC 8259) over bytes.
///
/// Nothing beyond the standard is taken: no comments, trailing commas, byte order mark, `NaN`, or lone surrogates.
/// `JSONSyntax` says what else is refused. Whatever the bytes are, the parser returns, and its depth is bounded.
package struct JSONParser {
  /// What came of a text.
  package struct Outcome: Sendable {
    /// Nil after a problem that ended the parse.
    package let value: JSONValue?
    /// The duplicate keys that are reported, then the problem that ended the parse if there is one.
    package let problems: [JSONProblem]
    fileprivate let places: [JSONNode.Place]

    /// The value with its positions; nil where there is no value or positions are not kept.
    package var root: JSONNode? {
      guard let value, !places.isEmpty else { return nil }
      return JSONNode(value, places)
    }
  }

  /// Ends the parse; the problem is among `problems`.
  struct Stop: Error {}

  let bytes: UnsafeBufferPointer<UInt8>
  let syntax: JSONSyntax
  var index = 0
  /// Room for a string with escapes.
  var decoded: [UInt8] = []
  private var problems: [JSONProblem] = []
  private var counter = PositionCounter()
  private var places: [JSONNode.Place] = []
  /// Of the member whose value is next.
  private var keyPosition: TextPosition?

  private init(_ bytes: UnsafeBufferPointer<UInt8>, _ syntax: JSONSyntax) {
    self.bytes = bytes
    self.syntax = syntax
  }

  package static func parse(_ bytes: [UInt8], as syntax: JSONSyntax) -> Outcome {
    // The parser and with it the pointer end with the call.
    bytes.withUnsafeBufferPointer { parse($0, syntax) }
  }

  package static func parse(_ bytes: UnsafeRawBufferPointer, as syntax: JSONSyntax) -> Outcome {
    bytes.withMemoryRebound(to: UInt8.self) { parse($0, syntax) }
  }

  private static func parse(_ bytes: UnsafeBufferPointer<UInt8>, _ syntax: JSONSyntax) -> Outcome {
    var parser = JSONParser(bytes, syntax)
    let value = try? parser.document()
    return Outcome(value: value, problems: parser.problems, places: parser.places)
  }

  /// Notes the problem that ends the parse. `start` is where that begins which is wrong.
  @inline(never)
  mutating func stop(_ kind: JSONProblem.Kind, from start: Int? = nil) -> Stop {
    note(kind, from: start)
    return Stop()
  }

  private mutating func note(_ kind: JSONProblem.Kind, from start: Int?) {
    let start = start ?? index
    let place = JSONProblem.place(kind, start: start, offset: index)
    let position = counter.position(of: place, in: bytes)
    problems.append(JSONProblem(kind: kind, start: start, offset: index, position: position))
  }

  // MARK: - Characters

  var next: UInt8? { index < bytes.count ? bytes[index] : nil }

  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: character) else { return false }
    index += 1
    return true
  }

  mutating func take(word: StaticString) -> Bool {
    guard word.withUTF8Buffer({ bytes[index...].prefix($0.count).elementsEqual($0) }) else { return false }
    index += word.utf8CodeUnitCount
    return true
  }

  private mutating func skipWhitespace() {
    while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A { index += 1 }
  }

  // MARK: - Values

  private mutating func document() throws(Stop) -> JSONValue {
    if bytes.count > syntax.maximumBytes { throw stop(.tooLong) }
    if syntax.encoding == .checkedFirst { try checkEncoding() }
    skipWhitespace()
    if syntax.isObject, next != UInt8(ascii: "{") { throw stop(.expected(.object)) }
    let value = try value(depth: 0)
    skipWhitespace()
    guard next == nil else { throw stop(.expected(.end)) }
    return value
  }

  private mutating func checkEncoding() throws(Stop) {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { throw stop(.byteOrderMark) }
    guard let invalid = bytes.firstByteNotUTF8 else { return }
    index = invalid
    throw stop(.notUTF8)
  }

  /// `depth` counts the arrays and objects around the value.
  private mutating func value(depth: Int, isElement: Bool = false) throws(Stop) -> JSONValue {
    guard syntax.keepsPositions else { return try content(depth: depth, isElement: isElement) }
    let position = counter.position(of: index, in: bytes)
    let place = places.count
    places.append(JSONNode.Place(position: position, keyPosition: keyPosition ?? position, end: 0))
    keyPosition = nil
    let value = try content(depth: depth, isElement: isElement)
    places[place].end = places.count
    return value
  }

  private mutating func content(depth: Int, isElement: Bool) throws(Stop) -> JSONValue {
    if syntax.subset == .stringsAndNaturals {
      if isElement { return try natural() }
      if depth >= syntax.maximumDepth { throw stop(.tooDeep) }
    }
    switch next {
    case UInt8(ascii: "{"): return .object(try object(depth: depth))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    default: break
    }
    if syntax.subset == .all {
      if let byte = next, byte == UInt8(ascii: "-") || Self.isDigit(byte) { return try number() }
      if take(word: "true") { return .bool(true) }
      if take(word: "false") { return .bool(false) }
      if take(word: "null") { return .null }
    }
    throw stop(.expected(.value))
  }

  /// Moves past the opening bracket of an array or object, and the space after it.
  private mutating func open(depth: Int) throws(Stop) {
    guard depth < syntax.maximumDepth else { throw stop(.tooDeep) }
    index += 1
    skipWhitespace()
  }

  private mutating func array(depth: Int) throws(Stop) -> [JSONValue] {
    try open(depth: depth)
    if take("]") { return [] }
    var elements: [JSONValue] = []
    while true {
      elements.append(try value(depth: depth + 1, isElement: true))
      skipWhitespace()
      if take("]") { return elements }
      guard take(",") else { throw stop(.expected(.commaOrBracket)) }
      skipWhitespace()
    }
  }

  private mutating func object(depth: Int) throws(Stop) -> JSONObject {
    try open(depth: depth)
    if take("}") { return [:] }
    var members: [JSONMember] = []
    // A message is one such object; many small ones within it must not take much more memory than they need.
    if depth == 0 { members.reserveCapacity(24) }
    var keys = KeySet()
    // Keyed by bytes: String's == takes canonically equivalent texts for one, JSON does not.
    var firstPlaces: [[UInt8]: TextPosition] = [:]
    while true {
      guard next == UInt8(ascii: "\"") else { throw stop(.expected(.key)) }
      let start = index
      let key = try string()
      switch syntax.duplicateKeys {
      case .refused:
        guard keys.insert(key, after: members) else {
          throw stop(.duplicateKey(key, first: nil), from: start)
        }
      case .reported: report(key, from: start, &firstPlaces)
      }
      if syntax.keepsPositions { keyPosition = counter.position(of: start, in: bytes) }
      skipWhitespace()
      guard take(":") else { throw stop(.expected(.colon)) }
      skipWhitespace()
      members.append(JSONMember(key, try value(depth: depth + 1)))
      skipWhitespace()
      if take("}") { return JSONObject(members) }
      guard take(",") else { throw stop(.expected(.commaOrBrace)) }
      skipWhitespace()
    }
  }

  /// Notes the key that begins at `start`, as a problem where the object has it already.
  private mutating func report(_ key: String, from start: Int, _ firstPlaces: inout [[UInt8]: TextPosition]) {
    let bytes = Array(key.utf8)
    if let first = firstPlaces[bytes] {
      note(.duplicateKey(key, first: first), from: start)
    } else {
      firstPlaces[bytes] = counter.position(of: start, in: self.bytes)
    }
  }
}
