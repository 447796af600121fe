/// Names of runs for a table that has little room: as they are where they fit, else shorter, and still distinct.
struct ShortNames {
  /// What all begin with, which is left out; empty where they are whole.
  let prefix: String
  let names: [String]

  /// - Parameter width: in characters, 2 at least.
  init(_ names: [String], width: Int) {
    if names.allSatisfy({ $0.count <= width }) {
      self.init(prefix: "", names: names)
      return
    }
    let ways = Self.ways(names)
    let way = ways.first { $0.names.allSatisfy { $0.count <= width } }
    if let way {
      self = way
      return
    }
    let last = ways[ways.count - 1]
    self.init(prefix: last.prefix, names: Self.fitted(last.names, width))
  }

  private init(prefix: String, names: [String]) { (self.prefix, self.names) = (prefix, names) }

  /// The longest of the names with as little in them as tells what they are.
  static func widest(_ names: [String]) -> Int { ways(names).last!.names.map(\.count).max() ?? 0 }

  /// The names with less and less in them, distinct where they are.
  private static func ways(_ names: [String]) -> [ShortNames] {
    let whole = ShortNames(prefix: "", names: names)
    let experiments = Set(names.map { $0.prefix(through: $0.firstIndex(of: "/") ?? $0.startIndex) })
    let common = experiments.count == 1 && names[0].contains("/") ? String(experiments.first!) : ""
    let runs = names.map { String($0.dropFirst(common.count)) }
    let shorter = runs.map(withoutSections)
    let isAmbiguous = Set(shorter).count < Set(names).count
    return [whole, ShortNames(prefix: common, names: runs)]
      + (isAmbiguous ? [] : [ShortNames(prefix: common, names: shorter)])
  }

  /// As in `learning_rate=0.1` for `training.learning_rate=0.1`.
  private static func withoutSections(_ name: String) -> String {
    name.split(separator: "-", omittingEmptySubsequences: false).map { part in
      guard let equals = part.firstIndex(of: "=") else { return part[...] }
      let key = part[..<equals].utf8
      let isSection = { (byte: UInt8) in (97...122).contains(byte) || byte == 0x5F || byte == 0x2E }
      let start = key.lastIndex { !isSection($0) }.map(key.index(after:)) ?? key.startIndex
      guard let dot = part[start..<equals].lastIndex(of: ".") else { return part[...] }
      return part[..<start] + part[part.index(after: dot)...]
    }.joined(separator: "-")
  }

  /// Without a part from their middles, the same for all, where that leaves them distinct.
  private static func fitted(_ names: [String], _ width: Int) -> [String] {
    let distinct = Set(names).count
    func cut(behind head: Int) -> [String] {
      names.map { name in
        name.count <= width ? name : name.prefix(head) + "…" + name.suffix(width - head - 1)
      }
    }
    // From the middle to both sides.
    let heads = (0..<width).sorted { abs($0 - width / 2) < abs($1 - width / 2) }
    for head in heads {
      let shorter = cut(behind: head)
      if Set(shorter).count == distinct { return shorter }
    }
    // Then their places tell them apart.
    return cut(behind: width / 2).enumerated().map { place, name in
      let number = "#\(place + 1)"
      return name.count < width ? name : name.prefix(max(0, width - number.count)) + number
    }
  }
}
