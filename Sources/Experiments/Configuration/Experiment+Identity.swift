import JSON

extension Experiment {
  /// The experiment as JSON without white space, the same text for equal experiments and for no others.
  ///
  /// Objects that stand for settings have their keys in full and sorted; numbers are in their shortest form.
  package var canonicalText: String {
    let axes = grid.map { axis -> JSONValue in
      [.string(axis.key), .array(axis.values.map(\.json))]
    }
    let versions = variants.map { variant -> JSONValue in
      [
        "bits": .integer(variant.precision.rawValue), "method": .string(variant.method.rawValue),
        "name": .string(variant.name), "settings": variant.values.json,
      ]
    }
    let content: JSONValue = [
      "experiment": topValues.json, "grid": .array(axes), "settings": runValues.json,
      "variants": .array(versions),
    ]
    return content.canonical
  }

  /// 16 hexadecimal digits that name the experiment's content: FNV-1a of 128 bits over the canonical text's UTF-8,
  /// its halves combined by exclusive or.
  ///
  /// For people to compare; to decide whether two experiments are the same, compare the experiments.
  package var configHash: String {
    // Constants of draft-eastlake-fnv: the offset basis and the prime 2^88 + 2^8 + 0x3b.
    var hash: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
    let prime: UInt128 = 1 << 88 | 0x13b
    for byte in canonicalText.utf8 { hash = (hash ^ UInt128(byte)) &* prime }
    let digits = String(UInt64(truncatingIfNeeded: hash >> 64) ^ UInt64(truncatingIfNeeded: hash), radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
