import Dispatch
import TensorCore
import Testing

@Suite struct ComputePoolTests {
  @Test(arguments: [1, 2, 3, 4])
  func aRunAloneHasAllCores(cores: Int) throws {
    let pool = ComputePool(cores: cores)
    let team = Team(pool: pool)
    #expect(team.limit == cores)
    for _ in 0..<20 { try #require(pool.withRun { Meeting.ofTeam(team, members: cores) }) }
  }

  @Test func noHelperIsLeftWhenRunsHoldAllCores() {
    let pool = ComputePool(cores: 3)
    let team = Team(pool: pool)
    pool.withRun {
      pool.withRun {
        #expect(Meeting.ofTeam(team, members: 2))
        #expect(Meeting.slots(ofTeam: team).isSubset(of: [0, 1]))
        pool.withRun {
          #expect(Meeting.slots(ofTeam: team) == [0])
          pool.withRun { #expect(Meeting.slots(ofTeam: team) == [0]) }
        }
      }
      // The others have ended: their cores are free again.
      #expect(Meeting.ofTeam(team, members: 3))
    }
  }

  @Test func aRunThatFailsGivesItsCoreBack() {
    struct Failure: Error {}
    let pool = ComputePool(cores: 2)
    for _ in 0..<5 {
      #expect(throws: Failure.self) { try pool.withRun { throw Failure() } }
    }
    #expect(Meeting.ofTeam(Team(pool: pool), members: 2))
  }

  /// While one team works with all helpers another goes on alone, and has them afterwards.
  @Test func aHelperServesOneTeamAtATime() throws {
    let pool = ComputePool(cores: 2)
    let (first, second) = (Team(pool: pool), Team(pool: pool))
    let isHolding = DispatchSemaphore(value: 0)
    let mayEnd = DispatchSemaphore(value: 0)
    let hasEnded = DispatchSemaphore(value: 0)
    DispatchQueue(label: "test.first").async {
      first.forEach(2) { _, _ in
        isHolding.signal()
        mayEnd.wait()
      }
      hasEnded.signal()
    }
    for _ in 0..<2 { try #require(isHolding.wait(timeout: .now() + 60) == .success) }
    #expect(Meeting.slots(ofTeam: second) == [0])
    for _ in 0..<2 { mayEnd.signal() }
    try #require(hasEnded.wait(timeout: .now() + 60) == .success)
    #expect(Meeting.ofTeam(second, members: 2))
  }

  @Test func aTeamsLimitIsWithinThePool() {
    let pool = ComputePool(cores: 4)
    #expect([nil, 0, 1, 3, 4, 9].map { Team(pool: pool, limit: $0).limit } == [4, 1, 1, 3, 4, 4])
    #expect(Meeting.slots(ofTeam: Team(pool: pool, limit: 2)).isSubset(of: [0, 1]))
  }

  @Test func poolsComeAndGo() {
    for _ in 0..<100 {
      let team = Team(pool: ComputePool(cores: 3))
      #expect(Meeting.slots(ofTeam: team).isSubset(of: [0, 1, 2]))
    }
  }
}
