/// A key that a grid varies, and the values it takes, in the order of the file.
package struct GridAxis: Sendable, Hashable {
  /// In full: `training.learning_rate`.
  package var key: String
  package var values: [JSONScalar]

  package init(key: String, values: [JSONScalar]) {
    self.key = key
    self.values = values
  }
}

/// A varied key's value at one point of a grid.
package struct GridSetting: Sendable, Hashable {
  package var key: String
  package var value: JSONScalar

  package init(key: String, value: JSONScalar) {
    self.key = key
    self.value = value
  }
}

/// Every way to pick one element of each list, the first list's changing slowest; one empty way for no lists.
func combinations<Element>(_ lists: [[Element]]) -> [[Element]] {
  lists.reduce([[]]) { partial, list in
    partial.flatMap { head in list.map { head + [$0] } }
  }
}
