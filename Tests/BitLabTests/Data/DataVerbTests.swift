import Foundation
import Testing

/// `data list` and `data verify` on folders made up for the test.
struct DataVerbTests {
  private static let cifar = "cifar-100-binary"

  @Test func theListSaysWhatIsThere() throws {
    let program = try Program()
    try program.put("x", as: "data/\(Self.cifar)/train.bin")
    try program.put("y", as: "data/\(Self.cifar)/test.bin")
    let result = try program("data", "list")
    #expect(result.code == 0 && result.errors == "")
    let lines = result.output.split(separator: "\n")
    #expect(
      lines.map { $0.prefix { $0 != " " } }.sorted() == [
        "cifar10", "cifar100", "digits", "fashion-mnist", "mnist",
      ])
    #expect(lines.first { $0.hasPrefix("digits") }!.hasSuffix("1437 + 360 images, 10 classes      built in"))
    #expect(lines.first { $0.hasPrefix("cifar100") }!.hasSuffix("data/\(Self.cifar)"))
    let mnist = lines.first { $0.hasPrefix("mnist") }!
    #expect(mnist.contains("missing: `bitlab data fetch mnist` gets it (looked in data/mnist"))
  }

  /// Some archives unpack to folders that are named like the files in them.
  @Test func aFolderNamedLikeAFileIsNone() throws {
    let program = try Program()
    for name in ["train.bin", "test.bin"] { try program.put("x", as: "data/cifar100/\(name)/\(name)") }
    let cifar = { (said: Program.Result) in
      try #require(said.output.split(separator: "\n").first { $0.hasPrefix("cifar100") })
    }
    #expect(try cifar(program("data", "list")).contains("missing: `bitlab data fetch cifar100`"))
    try program.put("x", as: "data/\(Self.cifar)/train.bin")
    #expect(try cifar(program("data", "list")).contains("missing test.bin: `bitlab data fetch cifar100`"))
    for name in ["train.bin", "test.bin.gz"] { try program.put("x", as: "data/\(Self.cifar)/\(name)") }
    #expect(try cifar(program("data", "list")).hasSuffix("data/\(Self.cifar)"))
  }

  @Test func theListAsJSON() throws {
    let program = try Program()
    let result = try program("data", "list", "digits", "mnist", "--json", "--data", "nowhere")
    let sets = try #require(try program.json(result.output) as? [[String: Any]])
    #expect(result.code == 65 && sets.count == 2)
    let digits = try #require(sets.first { $0["dataset"] as? String == "digits" })
    #expect(digits["present"] as? Bool == true && digits["built_in"] as? Bool == true)
    #expect(digits["shape"] as? [Int] == [1, 8, 8] && digits["train"] as? Int == 1437)
    let mnist = try #require(sets.first { $0["dataset"] as? String == "mnist" })
    #expect(mnist["present"] as? Bool == false && (mnist["missing"] as? [String])?.count == 4)
  }

  @Test func whatWasNotNamedMayBeMissing() throws {
    let program = try Program()
    #expect(try program("data", "verify", "--data", "nowhere", environment: ["HOME": program.path]).code == 0)
    let named = try program("data", "verify", "mnist", "--data", "nowhere")
    #expect(named.code == 65)
    let lines = named.output.split(separator: "\n")
    #expect(
      lines.count == 4 && lines.allSatisfy { $0.hasPrefix("missing  mnist/") && $0.contains("nowhere/mnist") }
    )
  }

  @Test func aFileThatIsNotTheOfficialOneIsDamaged() throws {
    let program = try Program()
    try program.put("x", as: "data/\(Self.cifar)/train.bin")
    for arguments in [["data", "verify"], ["data", "verify", "cifar100"]] {
      let result = try program.run(after: ":", arguments)
      #expect(result.code == 65)
      #expect(
        result.output.contains(
          /(?m)^damaged  data\/cifar-100-binary\/train.bin: .*: `bitlab data fetch cifar100` gets the official file$/
        ))
      #expect(result.output.contains(/(?m)^missing  cifar100\/test.bin/))
    }
  }

  @Test func verificationAsJSON() throws {
    let program = try Program()
    try program.put("x", as: "data/\(Self.cifar)/train.bin")
    let result = try program("data", "verify", "cifar100", "--json")
    #expect(result.code == 65)
    let files = try #require(try program.json(result.output) as? [[String: Any]])
    #expect(files.map { $0["file"] as? String } == ["train.bin", "test.bin"])
    #expect(files.map { $0["status"] as? String } == ["damaged", "missing"])
    #expect(files[0]["problem"] is String && files[1]["path"] is NSNull)
  }
}
