/// Names of runs for a table that has little room: as they are where they fit, else shorter, and still distinct.
struct ShortNames {
  /// What all begin with, which is left out; empty where they are whole.
  let prefix: String
  let names: [String]
  /// What all have besides, and do without: the values of a grid's keys, and the seed.
  private(set) var common = ""

  /// A header for them: `run`, or what they do without.
  var title: String {
    (prefix.isEmpty ? "run" : prefix + "…") + (common.isEmpty ? "" : " " + common)
  }

  /// - Parameter width: in characters, 2 at least.
  init(_ names: [String], width: Int) {
    func fits(_ names: [String]) -> Bool { names.allSatisfy { $0.count <= width } }
    self.init(prefix: "", names: names)
    if fits(names) { return }
    Self.shorten(names) { way in
      self = way
      return fits(way.names)
    }
    if !fits(self.names) {
      self.init(prefix: prefix, names: Self.fitted(self.names, width), common: common)
    }
  }

  /// The names that were shortened last: a table is made again and again, mostly of the same.
  struct Last: Sendable {
    private var names: [String] = []
    private var widest: Int?
    private var short: (width: Int, names: ShortNames)?

    private mutating func use(_ names: [String]) {
      if names != self.names { self = Last(names: names) }
    }

    /// As `ShortNames.widest`.
    mutating func widest(_ names: [String]) -> Int {
      use(names)
      let found = widest ?? ShortNames.widest(names)
      widest = found
      return found
    }

    mutating func short(_ names: [String], width: Int) -> ShortNames {
      use(names)
      if let short, short.width == width { return short.names }
      let made = ShortNames(names, width: width)
      short = (width, made)
      return made
    }
  }

  private init(prefix: String, names: [String], common: String = "") {
    (self.prefix, self.names, self.common) = (prefix, names, common)
  }

  /// The longest of the names with as little in them as tells what they are.
  static func widest(_ names: [String]) -> Int {
    var least = names
    shorten(names) { way in
      least = way.names
      return false
    }
    return least.map(\.count).max() ?? 0
  }

  /// Hands over the names with less and less in them, distinct where they are, until one way will do.
  private static func shorten(_ names: [String], until isEnough: (ShortNames) -> Bool) {
    guard let first = names.first else { return }
    let experiment = first.prefix(through: first.firstIndex(of: "/") ?? first.startIndex)
    let isCommon = experiment.last == "/" && names.allSatisfy { $0.hasPrefix(experiment) }
    let prefix = isCommon ? String(experiment) : ""
    if isCommon, isEnough(ShortNames(prefix: prefix, names: names.map { String($0.dropFirst(prefix.count)) }))
    {
      return
    }
    let distinct = Set(names).count
    var parts = names.map { RunIDParts($0.dropFirst(prefix.count)) }
    var common: [String] = []
    for step in RunIDParts.steps {
      var shorter = parts
      step(&shorter)
      guard shorter != parts else { continue }
      let texts = shorter.map(\.text)
      guard Set(texts).count == distinct else { continue }
      common += parts[0].lost(in: shorter[0])
      parts = shorter
      if isEnough(ShortNames(prefix: prefix, names: texts, common: common.joined(separator: " "))) { return }
    }
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
