/// What a `JSONParser` takes, beyond what RFC 8259 says, and what it keeps of the text.
package struct JSONSyntax: Hashable, Sendable {
  /// What becomes of a key that an object has already.
  package enum DuplicateKeys: Hashable, Sendable {
    /// It ends the parse. Keys that differ only in how Unicode composes their characters are the same.
    case refused
    /// All are reported, and the first one counts. Keys are the same if their bytes are.
    case reported
  }

  /// What becomes of a number.
  package enum Numbers: Hashable, Sendable {
    /// Without a fraction or exponent it is an `integer` if an Int holds it; every other one is a `number`.
    case read
    /// It is a `numeral`.
    case asSpelled
  }

  /// Which values there may be.
  package enum Subset: Hashable, Sendable {
    case all
    /// Objects, strings, and arrays of nothing but whole numbers from 0. Strings count as a level of depth too.
    case stringsAndNaturals
  }

  /// Where bytes that are not UTF-8 are looked for.
  package enum Encoding: Hashable, Sendable {
    /// In the whole text, before all else; a byte order mark is told apart.
    case checkedFirst
    /// In each string at its end. Elsewhere such a byte is one that nobody expects.
    case checkedInStrings
  }

  /// Arrays and objects inside each other, at most: no text exhausts the stack.
  package var maximumDepth = 128
  /// Bytes of the text, at most.
  package var maximumBytes = Int.max
  /// Whether the text must be an object.
  package var isObject = false
  package var subset = Subset.all
  package var duplicateKeys = DuplicateKeys.refused
  package var numbers = Numbers.read
  package var encoding = Encoding.checkedInStrings
  /// Whether the outcome has a `root`, which knows where everything stands.
  package var keepsPositions = false

  package init(maximumDepth: Int = 128) {
    self.maximumDepth = maximumDepth
  }
}
