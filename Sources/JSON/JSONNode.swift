/// A value of a parsed text that knows where it stands.
package struct JSONNode: Sendable {
  /// A key of an object with its value.
  package struct Member: Sendable {
    package let key: String
    package let keyPosition: TextPosition
    package let node: JSONNode
  }

  /// Where a value stands, and its key; the values inside it follow up to `end`.
  struct Place: Sendable {
    let position: TextPosition
    /// For a value that is no member, its own position.
    let keyPosition: TextPosition
    var end: Int
  }

  package let value: JSONValue
  /// Of all values of the text, in its order.
  private let places: [Place]
  private let index: Int

  /// `places[index]` is that of `value`.
  init(_ value: JSONValue, _ places: [Place], _ index: Int = 0) {
    self.value = value
    self.places = places
    self.index = index
  }

  /// Where the value's first character stands.
  package var position: TextPosition { places[index].position }

  /// The values of an array; nil where this is none.
  package var elements: [JSONNode]? {
    value.array.map { nodes(of: $0) }
  }

  /// The members of an object in their order; nil where this is none. A key that occurs again is there, too.
  package var members: [Member]? {
    guard let members = value.object?.members else { return nil }
    return zip(members, nodes(of: members.map(\.value))).map { member, node in
      Member(key: member.key, keyPosition: places[node.index].keyPosition, node: node)
    }
  }

  /// The value of an object's key; nil where it has none or this is no object.
  package subscript(key: String) -> JSONNode? { members?.first { $0.key == key }?.node }

  private func nodes(of values: [JSONValue]) -> [JSONNode] {
    var next = index + 1
    return values.map { value in
      defer { next = places[next].end }
      return JSONNode(value, places, next)
    }
  }
}
