import Testing

@testable import Scheduler

struct SpoolNameTests {
  @Test(arguments: [
    "a.json", "-.json", "a b.json", "ü.json", "a\nb.json", "#a.json", "x.tmp.json", "rejected.json",
  ])
  func taken(name: String) { #expect(SpoolName(name).category == .config) }

  @Test(arguments: [
    ".a.json", ".json", ".taken", "rejected", "a.json~", "a.json.tmp", "a.json.part", "a.json.partial",
    "a.json.swp",
    ".a.json.swp", ".goutputstream-1234", "#a.json#", ".#a.json",
  ])
  func ignored(name: String) { #expect(SpoolName(name).category == .ignored) }

  @Test(arguments: ["a.yaml", "json", "a.JSON", "README", "a.json.bak", "ajson"])
  func mentioned(name: String) { #expect(SpoolName(name).category == .foreign) }

  @Test func bytesThatAreNotUTF8AreEscaped() {
    let name = SpoolName(bytes: Array("a%ü".utf8) + [0xFF, 0x0A] + Array(".json".utf8))
    #expect(name.category == .config)
    #expect(name.text == nil)
    #expect(name.escaped == "a%25ü%FF\n.json")
    #expect(name.description == "a%25ü%FF%0A.json")
  }

  @Test func validNamesStay() {
    #expect(SpoolName("100%.json").escaped == "100%.json")
    #expect(SpoolName("ü\t.json").text == "ü\t.json")
    #expect(SpoolName("ü\t.json").description == "ü%09.json")
  }

  @Test func rejectedNamesKeepTheirEndingAndFit() {
    let name = RejectedName(SpoolName("a.b.json"))
    #expect([name[1], name[2], name[10]] == ["a.b.json", "a.b-2.json", "a.b-10.json"])
    #expect(name.first { $0 != "a.b.json" && $0 != "a.b-2.json" } == "a.b-3.json")
    for length in [195, 199, 200, 201, 250] {
      let stem = String(repeating: "ü", count: length / 2) + String(repeating: "x", count: length % 2)
      let long = RejectedName(SpoolName(stem + ".json"))[999]
      #expect(long.utf8.count <= 200 + "-999.json".utf8.count && long.hasSuffix("-999.json"))
      #expect(length > 200 || long == stem + "-999.json")
    }
    let invalid = RejectedName(SpoolName(bytes: [UInt8](repeating: 0xFF, count: 250) + Array(".json".utf8)))
    #expect(invalid[1].hasPrefix("%FF%FF") && invalid[1].hasSuffix(".json") && invalid[1].utf8.count <= 205)
  }
}
