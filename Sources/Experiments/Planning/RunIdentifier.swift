/// The id of a run: `<variant>[-<key>=<value>...]-seed<seed>`, a safe file name.
enum RunIdentifier {
  /// Longer ids are refused: a file name of 255 bytes is the most that common file systems take, and files are made
  /// of ids by adding endings.
  static let longest = 200

  static func text(variant: String, point: [GridSetting], seed: Int) -> String {
    let parts = point.map { "-\($0.key)=\(escaped($0.value.text))" }
    return variant + parts.joined() + "-seed\(seed)"
  }

  /// The text with every byte outside `[A-Za-z0-9._=+-]` as `%` and two hexadecimal digits.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "="),
        UInt8(ascii: "+"), UInt8(ascii: "-"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        result += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
      }
    }
    return result
  }

  /// What is wrong with the ids that a file's grid, variants and seeds make: one too long, or two the same.
  static func problem(in reader: ConfigurationReader) -> Diagnostic? {
    guard let position = reader.settings["grid"]?.position else { return nil }
    // Equal names are an error of their own.
    var distinctNames: Set<String> = []
    let names = reader.variants.compactMap { $0["variants.name"]?.value?.string }
      .filter { distinctNames.insert($0).inserted }
    let seeds = reader.settings.list("seeds")?.compactMap { ConfigurationValue.scalar($0).integer } ?? [0]
    let axes = reader.axes.map { axis in
      axis.settings.compactMap { setting in
        setting.value?.scalar.map { GridSetting(key: axis.key.path, value: $0) }
      }
    }
    var seen: Set<String> = []
    for point in combinations(axes) {
      for name in names {
        for seed in seeds {
          let id = text(variant: name, point: point, seed: seed)
          if id.utf8.count > longest {
            let message =
              "grid: the run id \(id.quoted) has \(id.utf8.count) bytes, expected at most \(longest)"
            return Diagnostic(position: position, message: message)
          }
          if !seen.insert(id).inserted {
            return Diagnostic(position: position, message: "grid: two runs have the id \(id.quoted)")
          }
        }
      }
    }
    return nil
  }
}
