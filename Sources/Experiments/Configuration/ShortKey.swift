/// What a config's key is called where there is little room.
package enum ShortKey {
  /// `learning_rate` for `training.learning_rate`.
  package static func withoutSection(_ key: Substring) -> Substring {
    key.lastIndex(of: ".").map { key[key.index(after: $0)...] } ?? key
  }

  /// `lr` for `learning_rate`; one word stays as it is.
  package static func initials(_ key: Substring) -> Substring {
    let words = key.split(separator: "_")
    return words.count < 2 ? key : Substring(String(words.compactMap(\.first)))
  }
}
