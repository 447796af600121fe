/// A message of the control socket: a JSON object whose members keep their order.
///
/// What the protocol itself reads: `verb` in requests; in responses `done`, which is true in the last one, and
/// `error` with `code` where something went wrong.
package struct ControlMessage: Hashable, Sendable, ExpressibleByDictionaryLiteral {
  package struct Member: Hashable, Sendable {
    package var key: String
    package var value: ControlValue
  }

  package private(set) var members: [Member]

  package init(dictionaryLiteral elements: (String, ControlValue)...) {
    self.init(elements)
  }

  /// No key may occur twice.
  package init(_ elements: [(String, ControlValue)]) {
    members = []
    members.reserveCapacity(elements.count)
    var keys = ControlKeys()
    for (key, value) in elements {
      precondition(keys.insert(key, after: members), "ControlMessage: duplicate key in \(elements.map(\.0))")
      members.append(Member(key: key, value: value))
    }
  }

  /// The members' keys must differ.
  init(members: [Member]) {
    self.members = members
  }

  /// The value of a key. A new key goes to the end; nil removes one. Takes time linear in the number of members.
  package subscript(key: String) -> ControlValue? {
    get { members.first { $0.key == key }?.value }
    set {
      let place = members.firstIndex { $0.key == key }
      switch (place, newValue) {
      case (let place?, let value?): members[place].value = value
      case (let place?, nil): members.remove(at: place)
      case (nil, let value?): members.append(Member(key: key, value: value))
      case (nil, nil): break
      }
    }
  }

  /// The message as JSON on one line, without a line feed.
  package var text: String { String(decoding: ControlEncoder.line(self).dropLast(), as: UTF8.self) }

  package var verb: String? { self["verb"]?.string }

  /// Whether this is the last response to a request.
  package var isDone: Bool { self["done"] == .bool(true) }

  /// What went wrong, where this is a response that says so.
  package var failure: ControlFailure? {
    self["error"]?.string.map { ControlFailure(code: self["code"]?.string ?? "", message: $0) }
  }

  /// The last response to a request that failed: `{"error": message, "code": code}`.
  package static func failure(_ code: String, _ message: String) -> ControlMessage {
    ["error": .string(message), "code": .string(code)]
  }
}

/// What a response says went wrong.
///
/// Codes of the protocol itself: `malformed`, `too-long`, `timeout`, `busy`, `closing`, `unanswered`. The handler
/// adds its own.
package struct ControlFailure: Hashable, Sendable {
  /// For programs.
  package var code: String
  /// A sentence for people.
  package var message: String
}
