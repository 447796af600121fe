/// A JSON object: members in an order of their own.
package struct JSONObject: Hashable, Sendable {
  package private(set) var members: [JSONMember]

  /// Keys should differ; where one occurs again, the first one counts.
  package init(_ members: [JSONMember]) {
    self.members = members
  }

  /// No key may occur twice.
  init(_ elements: [(String, JSONValue)]) {
    members = []
    members.reserveCapacity(elements.count)
    var keys = KeySet()
    for (key, value) in elements {
      precondition(keys.insert(key, after: members), "JSONObject: duplicate key in \(elements.map(\.0))")
      members.append(JSONMember(key, value))
    }
  }

  /// The value of a key. A new key goes to the end; nil removes one. Takes time linear in the number of members.
  package subscript(key: String) -> JSONValue? {
    get { members.first { $0.key == key }?.value }
    set {
      let place = members.firstIndex { $0.key == key }
      switch (place, newValue) {
      case (let place?, let value?): members[place].value = value
      case (let place?, nil): members.remove(at: place)
      case (nil, let value?): members.append(JSONMember(key, value))
      case (nil, nil): break
      }
    }
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral {
  /// No key may occur twice.
  package init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }
  package init(arrayLiteral members: JSONMember...) { self.init(members) }
}

/// A key of an object with its value.
package struct JSONMember: Hashable, Sendable {
  package var key: String
  package var value: JSONValue

  package init(_ key: String, _ value: JSONValue) {
    self.key = key
    self.value = value
  }
}
