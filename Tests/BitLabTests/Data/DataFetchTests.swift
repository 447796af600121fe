import Datasets
import Files
import Foundation
import TestSupport
import Testing

@testable import bitlab

/// `data fetch` from servers that do what they should not, with small files in the places of the official ones.
struct DataFetchTests {
  private let folder: TemporaryFolder
  private let content: [UInt8]
  private let file: OfficialFile

  init() throws {
    folder = try TemporaryFolder()
    var random = SplitMix64(state: 1)
    content = (0..<50_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    file = Self.official(.mnist, "train-images-idx3-ubyte", content)
  }

  private static func official(_ dataset: DatasetName, _ name: String, _ content: [UInt8]) -> OfficialFile {
    OfficialFile(dataset, name, content.count, SHA256.hexadecimal(of: content))
  }

  private var target: String { folder.file("data/mnist/train-images-idx3-ubyte.gz") }

  private func download(_ server: MisbehavingServer...) -> OfficialDownload {
    OfficialDownload(
      .mnist, "train-images-idx3-ubyte.gz", from: server.map(\.place), byteCount: Self.gzip(content).count,
      files: [file])
  }

  private func fetch(_ download: OfficialDownload, place: String? = nil) throws -> DataFetch.Outcome {
    let curl = try #require(Curl(environment: ["PATH": "/usr/bin:/bin:/usr/local/bin"], patience: 1))
    let fetch = DataFetch(
      DataFolder(folder.file("data"), includesSystem: false), place: place, curl: curl, pauses: [0.01, 0.01]
    ) { _, _ in }
    return try fetch(download)
  }

  private func server(_ manner: MisbehavingServer.Manner) throws -> MisbehavingServer {
    try MisbehavingServer(["train-images-idx3-ubyte.gz": Self.gzip(content)], manner)
  }

  /// As gzip has it, with blocks that are stored as they are.
  private static func gzip(_ content: [UInt8]) -> [UInt8] {
    func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
      withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
    var bytes: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
    var rest = content[...]
    while !rest.isEmpty {
      let block = rest.prefix(60_000)
      rest = rest.dropFirst(block.count)
      bytes +=
        [rest.isEmpty ? 1 : 0] + littleEndian(UInt16(block.count)) + littleEndian(~UInt16(block.count))
        + block
    }
    let sum = content.withUnsafeBytes { CRC32.checksum(of: $0) }
    return bytes + littleEndian(UInt32(sum)) + littleEndian(UInt32(content.count))
  }

  /// A file in a tar archive.
  private static func entry(_ name: String, _ content: [UInt8]) -> [UInt8] {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, _ place: Int) {
      header.replaceSubrange(place..<place + text.utf8.count, with: text.utf8)
    }
    put(name, 0)
    put("0000644", 100)
    put(String(content.count, radix: 8), 124)
    put("ustar", 257)
    header[156] = UInt8(ascii: "0")
    put("        ", 148)
    put(String(header.reduce(0) { $0 + Int($1) }, radix: 8) + "\0 ", 148)
    return header + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
  }

  @Test func whatIsRightGetsItsName() throws {
    let server = try server(.whole)
    #expect(try fetch(download(server)) == .fetched)
    #expect(try POSIXFileSystem().readAll(target) == Self.gzip(content))
    #expect(
      try POSIXFileSystem().list(folder.file("data/mnist")) == [".fetch.lock", "train-images-idx3-ubyte.gz"])
    #expect(try fetch(download(server)) == .isThere(paths: [target]))
    #expect(server.requests == ["train-images-idx3-ubyte.gz"])
  }

  /// Nothing half-written has the name; what came is kept where it can be gone on from, and no other bytes.
  @Test(
    arguments: MisbehavingServer.Manner.allCases.filter {
      ![.whole, .noRanges, .failsOnce, .lies, .trickles, .quarters].contains($0)
    })
  func whatFailsIsSaid(manner: MisbehavingServer.Manner) throws {
    let bad = try server(manner)
    guard case .failed(let problems) = try fetch(download(bad)) else {
      Issue.record("\(manner)")
      return
    }
    let expected: [MisbehavingServer.Manner: String] = [
      .cuts: "transfer closed", .stalls: "too slow", .wrong: "found SHA-256", .missing: "404",
      .empty: "found 0 bytes",
      .endless: "more came than the", .silent: "too slow",
      .cutsWithoutRanges: "remaining to read; the server sends whole files alone: not kept",
    ]
    let said = problems.joined(separator: "\n")
    #expect(
      said.contains(bad.place)
        && (said.contains(expected[manner]!) || manner == .wrong && said.contains("damaged")), "\(said)")
    let isKept = [.cuts, .stalls].contains(manner)
    #expect(said.contains("are kept as") == isKept, "\(said)")
    #expect(POSIXFileSystem().exists(target + ".part") == isKept && !POSIXFileSystem().exists(target))
    // Where it is right, the same command ends well, and asks for the rest alone.
    let good = try server(.whole)
    #expect(try fetch(download(good)) == .fetched)
    #expect(good.requests.count == 1 && good.requests[0].contains(" from ") == isKept, "\(good.requests)")
    #expect(try POSIXFileSystem().readAll(target) == Self.gzip(content))
  }

  /// The content decides, not what was said of it.
  @Test(arguments: [MisbehavingServer.Manner.lies, .failsOnce, .quarters]) func whatComesAfterAllIsTaken(
    manner: MisbehavingServer.Manner
  )
    throws
  {
    let server = try server(manner)
    #expect(try fetch(download(server)) == .fetched)
    #expect(file.check(target) == .ok)
  }

  @Test func aServerWithoutRangesBeginsAnew() throws {
    let bad = try server(.cuts)
    _ = try fetch(download(bad))
    bad.behave(.noRanges)
    #expect(try fetch(download(bad)) == .fetched)
    #expect(file.check(target) == .ok)
  }

  /// A mirror that sends whole files alone, and cuts them, costs nothing of what another server has sent.
  @Test func whatCanBeGoneOnFromIsKept() throws {
    let (bad, worse) = (try server(.cuts), try server(.cutsWithoutRanges))
    guard case .failed(let problems) = try fetch(download(bad, worse)) else {
      Issue.record("fetched")
      return
    }
    let kept = try folder.bytes("data/mnist/train-images-idx3-ubyte.gz.part")
    #expect(kept.count > Self.gzip(content).count / 2 && Self.gzip(content).starts(with: kept))
    #expect(problems.last?.contains("the first \(kept.count) bytes are kept") == true, "\(problems)")
    #expect(
      try POSIXFileSystem().list(folder.file("data/mnist")).sorted()
        == [".fetch.lock", "train-images-idx3-ubyte.gz.part"])
    bad.behave(.whole)
    #expect(try fetch(download(bad)) == .fetched && bad.requests.last!.hasSuffix(" from \(kept.count)"))
    // And one that does not cut is as good as any.
    try POSIXFileSystem().remove(target)
    bad.behave(.cuts)
    worse.behave(.noRanges)
    #expect(try fetch(download(bad, worse)) == .fetched && file.check(target) == .ok)
  }

  @Test func theMirrorHelps() throws {
    let (bad, good) = (try server(.wrong), try server(.whole))
    #expect(try fetch(download(bad, good)) == .fetched)
    #expect(bad.requests.count == 1 && good.requests == ["train-images-idx3-ubyte.gz"])
    try POSIXFileSystem().remove(target)
    // Nobody answers there.
    let gone = OfficialDownload(
      .mnist, "train-images-idx3-ubyte.gz", from: ["http://127.0.0.1:1/x", good.place],
      byteCount: content.count,
      files: [file])
    #expect(try fetch(gone) == .fetched)
    try POSIXFileSystem().remove(target)
    #expect(try fetch(gone, place: good.place + "/") == .fetched)
  }

  /// One that says nothing is not asked for one file after the other.
  @Test func whereNobodyAnswersNobodyAsksAgain() throws {
    let (server, program) = (try server(.silent), try Program())
    let result = try program(
      "data", "fetch", "mnist", "--json", "--timeout", "1", "--from", server.place, "--data", "d")
    let rows = try #require(try program.json(result.output) as? [[String: Any]])
    #expect(result.code == 65 && rows.count == 4 && server.requests.count == 1, "\(result)")
    let problems = try #require(rows[3]["problems"] as? [String])
    #expect(problems.count == 1 && problems[0].contains("not asked"), "\(problems)")
  }

  /// A file that the disk has no room for is no reason to forget the others, or what came.
  @Test func aDiskThatIsFullIsSaid() throws {
    let (server, program) = (try server(.whole), try Program())
    let result = try program.shell(
      #"ulimit -f 40; exec "$0" data fetch mnist --timeout 5 --data d --from \#(server.place)"#)
    #expect(result.code == 65 && result.errors.contains("File too large"), "\(result)")
    #expect(result.errors.contains(/the first \d+ bytes are kept as d\/mnist\/train-images/), "\(result)")
    #expect(result.errors.contains("t10k-labels-idx1-ubyte.gz: The requested URL returned error: 404"))
    #expect(result.errors.contains("by hand: train-images-idx3-ubyte.gz, "), "\(result)")
    #expect(try program("data", "fetch", "mnist", "--data", "d", "--from", server.place).code == 65)
    #expect(server.requests.contains { $0.contains(" from ") }, "\(server.requests)")
  }

  /// Where there can be no folder, or something else has the name, the addresses are said, and nothing is promised.
  @Test func aFolderThatCannotBeIsSaid() throws {
    let (server, program) = (try server(.missing), try Program())
    try program.put("", as: "file")
    let result = try program("data", "fetch", "mnist", "--data", "file", "--from", server.place)
    #expect(result.code == 65 && result.errors.contains("by hand: train-images"), "\(result)")
    try program.put("", as: "d/mnist/train-images-idx3-ubyte.gz.part/in-it")
    let folder = try program("data", "fetch", "mnist", "--data", "d", "--from", server.place)
    #expect(folder.code == 65 && !folder.errors.contains("are kept as"), "\(folder)")
  }

  /// A right file stays, under whatever name it is found; a wrong one is kept under another.
  @Test func whatIsThereIsNotLost() throws {
    let server = try server(.whole)
    try POSIXFileSystem().createFolders(folder.file("data/MNIST/raw"))
    try folder.put(content, as: "data/MNIST/raw/train-images-idx3-ubyte")
    #expect(
      try fetch(download(server)) == .isThere(paths: [folder.file("data/MNIST/raw/train-images-idx3-ubyte")])
        && server.requests == [])
    try POSIXFileSystem().remove(folder.file("data/MNIST/raw/train-images-idx3-ubyte"))
    try POSIXFileSystem().createFolders(folder.file("data/mnist"))
    try folder.put(Array("not it".utf8), as: "data/mnist/train-images-idx3-ubyte")
    #expect(try fetch(download(server)) == .fetched && file.check(target) == .ok)
    #expect(try folder.text("data/mnist/train-images-idx3-ubyte.damaged") == "not it")
  }

  @Test func anArchiveIsUnpacked() throws {
    let parts = (0..<3).map { part in Array(content[part * 10_000..<part * 10_000 + 10_000 + part]) }
    let files = parts.enumerated().map { Self.official(.cifar10, "data_batch_\($0 + 1).bin", $1) }
    func archive(_ parts: [[UInt8]]) -> [UInt8] {
      Self.gzip(
        Self.entry("cifar-10-batches-bin/readme.html", Array("read me".utf8))
          + parts.enumerated().flatMap { Self.entry("cifar-10-batches-bin/data_batch_\($0 + 1).bin", $1) }
          + [UInt8](repeating: 0, count: 1_024))
    }
    func download(_ server: MisbehavingServer) -> OfficialDownload {
      OfficialDownload(
        .cifar10, "cifar.tar.gz", from: [server.place], byteCount: archive(parts).count, files: files)
    }
    let names = files.map(\.name)
    for (bytes, problem) in [
      (archive(Array(parts.dropLast())), "data_batch_3.bin is not in it"),
      (archive([parts[0], parts[1], parts[1]]), "data_batch_3.bin in it: found 10001 bytes, expected 10002"),
      (Self.gzip(content), "is no tar archive"), (Array(archive(parts).dropLast(9_000)), "gzip"),
    ] {
      let server = try MisbehavingServer(["cifar.tar.gz": bytes], .whole)
      guard case .failed(let problems) = try fetch(download(server)) else {
        Issue.record("\(problem)")
        continue
      }
      #expect(problems.joined().contains(problem), "\(problems)")
      #expect(try POSIXFileSystem().list(folder.file("data/cifar10")) == [".fetch.lock"])
    }
    let server = try MisbehavingServer(["cifar.tar.gz": archive(parts)], .cuts)
    _ = try fetch(download(server))
    server.behave(.whole)
    #expect(try fetch(download(server)) == .fetched)
    #expect(try POSIXFileSystem().list(folder.file("data/cifar10")) == [".fetch.lock"] + names)
    for (name, part) in zip(names, parts) { #expect(try folder.bytes("data/cifar10/\(name)") == part) }
  }

  @Test func twoAtOnceDoNotMix() throws {
    let server = try server(.whole)
    try POSIXFileSystem().createFolders(folder.file("data/mnist"))
    let lock = try FileLock(folder.file("data/mnist/.fetch.lock"))
    #expect(throws: FileLock.Held.self) { try fetch(download(server)) }
    withExtendedLifetime(lock) {}
  }

  /// Whoever ends the program ends the transfer with it, and the next one goes on from there.
  @Test(arguments: [SIGKILL, SIGINT]) func nobodyFetchesOnAlone(signal: Int32) throws {
    let server = try server(.trickles)
    let program = try Program()
    let run = try program.start("data", "fetch", "mnist", "--from", server.place, "--data", "d")
    let part = "d/mnist/train-images-idx3-ubyte.gz.part"
    let deadline = Date(timeIntervalSinceNow: 60)
    func wait(until condition: () throws -> Bool) rethrows {
      while try !condition(), Date() < deadline { usleep(10_000) }
    }
    try wait { try program.exists(part) && program.bytes(part).count > 1_000 }
    #expect(server.trickling == 1)
    run.send(signal)
    #expect(run.finish() == -signal)
    wait { server.trickling == 0 }
    #expect(server.trickling == 0)
    let kept = try program.bytes(part)
    #expect(kept.count > 1_000 && Self.gzip(content).starts(with: kept))
  }

  /// The program, with nobody there to ask.
  @Test func offlineItSaysWhereToGetThem() throws {
    let program = try Program()
    let result = try program(
      "data", "fetch", "cifar10", "mnist", "--from", "http://127.0.0.1:1/mirror", "--data", "d")
    #expect(result.code == 65, "\(result)")
    #expect(
      result.errors.contains(
        "by hand: cifar-10-binary.tar.gz from http://127.0.0.1:1/mirror/ into d/cifar10/, unpacked; train-images-idx3-ubyte.gz,"
      ))
    #expect(result.errors.components(separatedBy: "fetching").count == 2, "it asks once: \(result.errors)")
    let json = try program("data", "fetch", "mnist", "--from", "http://127.0.0.1:1", "--json", "--data", "d")
    let rows = try #require(try program.json(json.output) as? [[String: Any]])
    #expect(json.code == 65 && rows.map { $0["status"] as? String } == Array(repeating: "failed", count: 4))
    for (words, problem) in [
      (["data", "fetch"], "data fetch needs a data set: mnist, fashion-mnist, cifar10, cifar100"),
      (["data", "list", "--from", "http://x"], "`--from` is an option of `data fetch`"),
      (["data", "fetch", "mnist", "--from", "ftp://x"], "`--from ftp://x`: expected an address"),
      (["data", "fetch", "mnist", "--from", "http://"], "`--from http://`: expected an address"),
    ] {
      let wrong = try program.run(after: ":", words)
      #expect(wrong.code == 2 && wrong.errors.contains(problem), "\(wrong)")
    }
    let missing = try program("validate", "mnist.json")
    #expect(missing.code == 66)
    let none = try program.shell(#"PATH= exec "$0" data fetch mnist"#)
    #expect(none.code == 65 && none.errors.contains("curl, which is not installed: by hand: "), "\(none)")
  }
}
