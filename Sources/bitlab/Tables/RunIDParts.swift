import Experiments

/// What a run's id is made of, as `2-bit-training.learning_rate=0.1-seed0`, and what of it a short name can do without.
struct RunIDParts: Equatable {
  struct Axis: Hashable {
    var key: Substring
    var value: Substring
  }

  /// The variant's name, or all of an id of another kind.
  let variant: Substring
  private(set) var axes: [Axis] = []
  private(set) var seed: Substring = ""

  init(_ id: Substring) {
    var rest = id
    if let dash = id.lastIndex(of: "-"), id[dash...].hasPrefix("-seed"), dash > id.startIndex,
      id[dash...].utf8.dropFirst("-seed".utf8.count).allSatisfy({ (48...57).contains($0) })
    {
      seed = id[id.index(after: dash)...]
      rest = id[..<dash]
    }
    // A piece that begins no axis belongs to what is before it: names and values may have a `-`.
    var starts = rest.split(separator: "-", omittingEmptySubsequences: false).filter(Self.beginsAxis)
      .map(\.startIndex)
    let end = starts.first ?? rest.endIndex
    variant = end > rest.startIndex && !starts.isEmpty ? rest[..<rest.index(before: end)] : rest[..<end]
    starts.append(rest.endIndex)
    for (start, next) in zip(starts, starts.dropFirst()) {
      let axis = rest[start..<(next == rest.endIndex ? next : rest.index(before: next))]
      let equals = axis.firstIndex(of: "=") ?? axis.endIndex
      axes.append(Axis(key: axis[..<equals], value: axis[equals...].dropFirst()))
    }
  }

  /// Whether it begins with a config's key and `=`.
  private static func beginsAxis(_ piece: Substring) -> Bool {
    guard let equals = piece.utf8.firstIndex(of: 0x3D), equals > piece.startIndex else { return false }
    return piece.utf8[..<equals].allSatisfy {
      (97...122).contains($0) || (48...57).contains($0) || $0 == 0x5F || $0 == 0x2E
    }
  }

  var text: String {
    var text = String(variant)
    for axis in axes {
      if !text.isEmpty { text += "-" }
      if !axis.key.isEmpty { text += axis.key + "=" }
      text += axis.value
    }
    if !text.isEmpty, !seed.isEmpty { text += "-" }
    return text + seed
  }

  /// What a shorter form of it does not have at all.
  func lost(in shorter: RunIDParts) -> [String] {
    let lost = axes.count > shorter.axes.count ? axes.filter { !shorter.axes.contains($0) } : []
    return lost.map { "\($0.key)=\($0.value)" }
      + (!seed.isEmpty && shorter.seed.isEmpty ? [String(seed)] : [])
  }

  // MARK: - Less and less

  /// Each takes a little from the ids of a table.
  static let steps: [@Sendable (inout [RunIDParts]) -> Void] = [
    { ids in mapKeys(&ids, ShortKey.withoutSection) },
    { ids in mapKeys(&ids, ShortKey.initials) },
    // What all have tells nothing of any.
    { ids in
      guard ids.count > 1, var common = ids.first.map({ Set($0.axes) }) else { return }
      for id in ids where !common.isEmpty { common.formIntersection(id.axes) }
      if common.isEmpty { return }
      for place in ids.indices { ids[place].axes.removeAll(where: common.contains) }
    },
    { ids in
      let isCommon = ids.count > 1 && ids.allSatisfy { $0.seed == ids[0].seed }
      for place in ids.indices where !ids[place].seed.isEmpty {
        ids[place].seed = isCommon ? "" : "s" + ids[place].seed.dropFirst(4)
      }
    },
    // At last the values alone.
    { ids in mapKeys(&ids) { _ in "" } },
  ]

  private static func mapKeys(_ ids: inout [RunIDParts], _ shorter: (Substring) -> Substring) {
    for place in ids.indices {
      for axis in ids[place].axes.indices {
        ids[place].axes[axis].key = shorter(ids[place].axes[axis].key)
      }
    }
  }
}
