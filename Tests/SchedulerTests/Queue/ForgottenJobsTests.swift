import Testing

@testable import Scheduler

struct ForgottenJobsTests {
  @Test func whatIsKnownAgainOrRemovedCountsNoMore() {
    var jobs = ForgottenJobs()
    jobs.add(3, of: "a")
    jobs.add(2, of: "b")
    jobs.add(-1, of: "a")
    #expect(jobs.count == 4)
    // One of a, and one that was never forgotten here.
    jobs.add(-2, of: "c")
    jobs.add(-9, of: "a")
    #expect(jobs.count == 2)
    jobs.remove("b")
    jobs.remove("b")
    #expect(jobs.count == 0)
  }
}
