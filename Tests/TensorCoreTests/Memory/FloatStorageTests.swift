import Testing

@testable import TensorCore

struct FloatStorageTests {
  /// More than the address space of any process, and more than bytes can be counted.
  @Test(arguments: [1 << 46, Int.max / 4, Int.max]) func memoryThatIsNotThere(count: Int) {
    #expect(throws: OutOfMemory(values: count)) { _ = try FloatStorage(allocating: count) }
  }

  /// From the heap and mapped.
  @Test(arguments: [0, 1, 17, (1 << 18) - 16, (1 << 18) - 15, 1 << 18, 1_000_003])
  func zeroedAndAligned(count: Int) throws {
    for _ in 0..<3 {
      let storage = try FloatStorage(allocating: count)
      #expect(storage.count == count && UInt(bitPattern: storage.base) % 64 == 0)
      #expect(storage.array.allSatisfy { $0 == 0 })
      storage.all.fill(1)
    }
  }
}
