import Files
import Foundation
import TestSupport
import Testing

struct SafetensorsFileTests {
  private static let file = SafetensorsFile(
    tensors: [
      .init(name: "empty", shape: [0, 3], values: []),
      .init(name: "layers.0.bias", shape: [2], values: [0.5, -0.5]),
      .init(name: "layers.0.weight", shape: [2, 3], values: [1, -2.5, 0.1, 3e38, .infinity, -0.0]),
      .init(name: "scalar", shape: [], values: [7]),
    ], metadata: ["format": "pt"])

  /// The same tensors as written by Python's `safetensors.numpy.save`, version 0.5 and later.
  private static let golden = hexadecimal(
    """
    20010000000000007b225f5f6d657461646174615f5f223a7b22666f726d6174223a227074227d2c22656d707479223a7b226474
    797065223a22463332222c227368617065223a5b302c335d2c22646174615f6f666673657473223a5b302c305d7d2c226c617965
    72732e302e62696173223a7b226474797065223a22463332222c227368617065223a5b325d2c22646174615f6f66667365747322
    3a5b302c385d7d2c226c61796572732e302e776569676874223a7b226474797065223a22463332222c227368617065223a5b322c
    335d2c22646174615f6f666673657473223a5b382c33325d7d2c227363616c6172223a7b226474797065223a22463332222c2273
    68617065223a5b5d2c22646174615f6f666673657473223a5b33322c33365d7d7d2020200000003f000000bf0000803f000020c0
    cdcccc3de6b1617f0000807f000000800000e040
    """)

  @Test func writesTheBytesThatPythonWrites() throws {
    let folder = try TemporaryFolder()
    // In another order: the bytes do not depend on it.
    try SafetensorsFile.write(
      Self.file.sources.reversed(), metadata: Self.file.metadata, to: folder.file("model.safetensors"),
      in: POSIXFileSystem())
    #expect(try folder.bytes("model.safetensors") == Self.golden)
  }

  /// Bytes come behind the floats, whatever their names, so that all are aligned; who wants floats alone is told.
  @Test func bytesAreReadWhereTheyAreAsked() throws {
    let folder = try TemporaryFolder()
    let file = SafetensorsFile(
      tensors: [
        .init(name: "z", shape: [1], values: [1.5]), .init(name: "a", shape: [3], bytes: [1, 2, 255]),
        .init(name: "b", shape: [0], bytes: []),
      ], metadata: [:])
    try file.write(to: folder.file("f"), in: POSIXFileSystem())
    let back = try SafetensorsFile(reading: folder.file("f"), types: [.f32, .u8], in: POSIXFileSystem())
    #expect(back == file)
    #expect(back["a"]?.bytes == [1, 2, 255] && back["a"]?.type == .u8)
    do {
      _ = try SafetensorsFile(reading: folder.file("f"), in: POSIXFileSystem())
      Issue.record("it was read")
    } catch let error as FileContentError {
      #expect(error.description.contains("tensor a holds U8 values; BitLab reads F32"))
    }
  }

  @Test func readsWhatPythonWrote() throws {
    let folder = try TemporaryFolder()
    try folder.put(Self.golden, as: "model.safetensors")
    let file = try SafetensorsFile(reading: folder.file("model.safetensors"), in: POSIXFileSystem())
    #expect(file == Self.file)
    #expect(file["layers.0.weight"]?.values[5].sign == .minus)
    #expect(file["layers.1.weight"] == nil)
  }

  @Test func roundTripsAwkwardNamesAndValues() throws {
    let folder = try TemporaryFolder()
    let quietNaN = Float(bitPattern: 0x7FC0_0001)
    let file = SafetensorsFile(
      tensors: [
        .init(name: "", shape: [1, 1, 1], values: [.leastNonzeroMagnitude]),
        .init(
          name: "a \"quoted\\ \n\u{1}\u{7f} name/é\u{1F600}", shape: [3], values: [quietNaN, -.infinity, .pi]),
      ], metadata: ["": "", "b": "2", "a": "tab\tand\u{1f}\u{8}\u{c}\r"])
    try file.write(to: folder.file("f"), in: POSIXFileSystem())
    let back = try SafetensorsFile(reading: folder.file("f"), in: POSIXFileSystem())
    #expect(back.metadata == file.metadata)
    #expect(back.tensors.map(\.name) == file.tensors.map(\.name))
    #expect(back.tensors.map(\.shape) == file.tensors.map(\.shape))
    #expect(
      back.tensors.map { $0.values.map(\.bitPattern) } == file.tensors.map { $0.values.map(\.bitPattern) })
  }

  @Test func aFileWithoutTensorsIsAFile() throws {
    let folder = try TemporaryFolder()
    try SafetensorsFile(tensors: []).write(to: folder.file("f"), in: POSIXFileSystem())
    #expect(try folder.bytes("f") == [8, 0, 0, 0, 0, 0, 0, 0] + Array("{}      ".utf8))
    #expect(
      try SafetensorsFile(reading: folder.file("f"), in: POSIXFileSystem()) == SafetensorsFile(tensors: []))
  }

  @Test func everyCutIsAnError() {
    for count in 0..<Self.golden.count {
      #expect(throws: FileContentError.self) { try read(Array(Self.golden[..<count])) }
    }
    #expect(throws: FileContentError.self) { try read(Self.golden + [0]) }
  }

  @Test func noFlippedByteTraps() throws {
    var refused = 0
    for index in Self.golden.indices {
      for mask in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF] as [UInt8] {
        var bytes = Self.golden
        bytes[index] ^= mask
        do {
          let file = try read(bytes)
          for tensor in file.tensors { #expect(tensor.values.count == tensor.shape.reduce(1, *)) }
        } catch {
          refused += 1
        }
      }
    }
    // All but those in names, metadata, values and white space.
    #expect(refused > 1000)
  }

  @Test func noRandomHeaderTraps() {
    var random = SystemRandomNumberGenerator()
    let pieces = [
      "{", "}", "[", "]", ":", ",", "\"", "\\", "\\u12", "\"F32\"", "\"a\"", "\"dtype\"", "\"shape\"", "0",
      "-1", "9223372036854775807", "99999999999999999999", "\"data_offsets\"", " ", "\n", "null", "1e5", "é",
    ]
    for _ in 0..<20_000 {
      let json =
        "{" + (0..<Int.random(in: 0..<20, using: &random)).map { _ in pieces.randomElement()! }.joined()
      _ = try? read(framed(json))
    }
  }

  @Test(arguments: [
    (#"[]"#, "not a JSON object"),
    (
      #"{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}"#,
      "tensor a holds F16 values; BitLab reads F32"
    ),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, "needs 8 bytes"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, "needs 4 bytes"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, "begins at byte 4"),
    (
      #"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#,
      "begins at byte 0"
    ),
    (#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#, "impossible shape"),
    (#"{"a":{"dtype":"F32","shape":[4611686018427387904,0],"data_offsets":[0,0]}}"#, "0 bytes, but 4 follow"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, "8 bytes, but 4 follow"),
    (
      #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}"#,
      "\"a\" occurs twice"
    ),
    (#"{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}"#, "\"shape\" occurs twice"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":"y"}}"#, "exactly dtype, shape"),
    (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, "whole number"),
    (#"{"a":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}"#, "whole number"),
    (#"{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#, "']' expected"),
    (
      #"{"__metadata__":{"a":[1]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
      "not a string, of a"
    ),
    (#"{"__metadata__":"a"}"#, "__metadata__ is not an object"),
    (#"{"a":{"b":{"c":{"d":"e"}}}}"#, "nested too deeply"),
    (#"{"\ud800":"a"}"#, "half a surrogate pair"),
    (#"{"\x":"a"}"#, "an unknown escape"),
    (#"{} x"#, "unexpected text after the end"),
    ("{\"a\nb\":[]}", "control character"),
  ])
  func saysWhatIsWrong(json: String, problem: String) {
    let defect = #expect(throws: FileContentError.self) { try read(framed(json)) }
    #expect(defect?.problem.contains(problem) == true, "\(defect?.problem ?? "")")
    #expect(defect?.remedy.hasPrefix("convert") == json.contains("F16"))
  }

  /// Bytes count from the file's beginning.
  @Test(arguments: [
    ("", #"byte 8: '"' expected"#), (#"{"a"}"#, "byte 12: ':' expected"),
    (#"{"a":7}"#, #"byte 13: '"' expected"#),
    (#"{"a":"b" "c""#, "byte 17: '}' expected"), (#"{"a":[1;]}"#, "byte 15: ']' expected"),
    (#"{"a":[1, -1]}"#, "byte 17: a whole number from 0 expected"),
    (#"{"a":[9223372036854775808]}"#, "byte 14: a whole number from 0 expected"),
    (#"{"a":"\"#, "byte 15: a string without an end"), (#"{"a":"\q"}"#, "byte 15: an unknown escape"),
    (#"{"a":"\u12"#, "byte 16: four hexadecimal digits expected"),
    (#"{"a":"\u12x4"}"#, "byte 18: four hexadecimal digits expected"),
    (#"{"a":"\ud800x"}"#, "byte 20: half a surrogate pair"),
    (#"{"a":"\ud800\n"}"#, "byte 21: half a surrogate pair"),
    (#"{"a":"\udc00\n"}"#, "byte 20: half a surrogate pair"),
    (#"{"a":"b","a":"c"}"#, #"byte 20: "a" occurs twice"#),
    (#"{"a":{"b":{"c": "d"}}}"#, "byte 23: nested too deeply"),
    (#"{"a":"b"}  x"#, "byte 19: unexpected text after the end"),
  ])
  func saysWhereItIsWrong(json: String, problem: String) {
    let defect = #expect(throws: FileContentError.self) { try read(framed(json)) }
    #expect(defect?.problem == "the header is not the JSON it should be at " + problem)
  }

  @Test func theErrorOfAFileNamesItAndTheWayOut() throws {
    let folder = try TemporaryFolder()
    try folder.put(framed(#"{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}"#), as: "f")
    let error = #expect(throws: FileContentError.self) {
      try SafetensorsFile(reading: folder.file("f"), in: POSIXFileSystem())
    }
    #expect(
      error.map(String.init(describing:))
        == "\(folder.file("f")): tensor a holds BF16 values; BitLab reads F32: convert the file to F32")
  }

  /// A header in its frame, with one value after it.
  private func framed(_ json: String) -> [UInt8] {
    withUnsafeBytes(of: UInt64(json.utf8.count).littleEndian) { Array($0) } + Array(json.utf8) + [0, 0, 0, 0]
  }

  private func read(_ bytes: [UInt8]) throws(FileContentError) -> SafetensorsFile {
    try SafetensorsFile(decoding: bytes, from: "model.safetensors")
  }

  private static func hexadecimal(_ text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }
}
