import Testing

@testable import Datasets

/// The examples of FIPS 180-2, appendix B, and of NIST's "Examples with Intermediate Values".
struct SHA256Tests {
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
    ),
    (
      String(repeating: "a", count: 1_000_000),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ])
  func standardVectors(message: String, expected: String) {
    #expect(SHA256.hexadecimal(of: Array(message.utf8)) == expected)
  }

  @Test(.enabled(if: SHA256.cpuHasInstructions, "this CPU has no instructions for SHA-256"))
  func theCPUsInstructionsComputeTheSame() {
    for length in [0, 1, 55, 63, 64, 65, 127, 128, 129, 640, 1_000, 65_537] {
      let bytes = pattern(length)
      let hashes = [false, true].map { usesInstructions in
        var hash = SHA256(usesInstructions: usesInstructions)
        bytes.withUnsafeBytes { hash.update($0) }
        return hash.finalized()
      }
      #expect(hashes[0] == hashes[1], "\(length) bytes")
    }
  }

  /// Lengths around the block and its padding, in pieces of every awkward length.
  @Test func piecesMakeNoDifference() {
    for length in [1, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129, 200] {
      let bytes = pattern(length)
      let whole = SHA256.hexadecimal(of: bytes)
      for piece in [1, 3, 55, 63, 64, 65] {
        var hash = SHA256()
        bytes.withUnsafeBytes { buffer in
          for start in stride(from: 0, to: length, by: piece) {
            hash.update(UnsafeRawBufferPointer(rebasing: buffer[start..<min(start + piece, length)]))
          }
        }
        #expect(hash.finalized() == whole, "\(length) bytes in pieces of \(piece)")
      }
    }
  }
}
