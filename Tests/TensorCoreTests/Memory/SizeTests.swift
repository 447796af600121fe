import TensorCore
import Testing

struct SizeTests {
  @Test func sizesAreExactUpToTheLargest() {
    #expect(Size.product(3, 5, 7) == 105 && Size.sum(3, 5, 7) == 15)
    #expect(Size.product([]) == 1 && Size.product([0, 4]) == 0)
    #expect(Size.product(1_000_000_000, 1_000_000_000) == 1_000_000_000_000_000_000)
    #expect([0, 1, 15, 16, 17].map { Size.roundedUp($0, to: 16) } == [0, 16, 16, 16, 32])
  }

  @Test func nothingOverflows() {
    #expect(Size.product(.max, .max, 3) == Size.largest && Size.product(.max, .max, 0) == 0)
    #expect(Size.sum(Size.largest, Size.largest, 1) == Size.largest)
  }
}
