import Datasets
import Dispatch
import Files
import Foundation
import TensorCore
import TestSupport
import Testing

@testable import Experiments

/// Runs on a disk that is full, or fails, at any moment.
struct FaultTests {
  private static let text = ExperimentText.digits(
    epochs: 2, #", "log_every_steps": 2, "checkpoint_every_steps": 3"#)

  private static func uninterrupted(_ folder: TrainingFolder) throws -> RunResults {
    let run = try folder.place(text, as: "uninterrupted")
    #expect(run.train() == .completed)
    return try run.results
  }

  /// Every operation of the run fails in turn, once or for good; then the same run goes on with a disk that works.
  @Test(arguments: [ENOSPC, EIO], [false, true]) func aRunFailsWithTheReasonAndGoesOn(
    code: Int32, persists: Bool
  ) throws {
    let folder = try TrainingFolder()
    let expected = try Self.uninterrupted(folder)
    var faults = 0
    for number in 0... {
      let files = FaultyFileSystem(.error(code), at: number, persists: persists)
      let run = try folder.place(Self.text, as: "run-\(number)")
      let outcome = run.train(in: files)
      guard let failed = files.failed.first else { break }
      faults += 1
      switch outcome {
      case .failed(let failure):
        #expect(failure.kind == .machine(isDiskFull: code == ENOSPC), "operation \(number), \(failed)")
        #expect(failure.description.contains("(\(code))"), "operation \(number): \(failure)")
        if !persists, let record = try? run.record {
          #expect(record.status == .queued && record.error == "\(failure)")
        }
      case .completed:
        // Tidying up, and closing what was synced, may fail without harm.
        #expect(try run.results == expected, "operation \(number), \(failed)")
      default: Issue.record("operation \(number), \(failed): \(outcome)")
      }
      #expect(run.train() == .completed, "after operation \(number), \(failed)")
      #expect(try run.results == expected, "after operation \(number), \(failed)")
    }
    #expect(faults > 100)
  }

  /// Memory that others have taken may come free: the run waits, and takes nothing that is not there. What the machine does
  /// not have at all never comes.
  @Test func memoryThatIsNotFree() throws {
    let run = try TrainingFolder().place(Self.text)
    func train(total: Int, free: Int) -> RunOutcome {
      let reservations = Reservations(descriptors: 100) {
        MemoryBounds([.init("this machine", .pages, total: total, free: free)])
      }
      let environment = TrainingEnvironment(
        pool: ComputePool(cores: 1), datasets: DatasetLibrary(DataFolder("no data")),
        files: POSIXFileSystem(), reservations: reservations)
      return Trainer(run, in: environment, control: RunControl()) { _ in }()
    }
    let waits = try #require(train(total: 1 << 30, free: 1 << 20).failure)
    #expect(
      waits.mayPass && waits.isWaiting && waits.description.contains(" MB of memory (0 MB of the "))
    #expect(try run.record.status == .queued && run.record.ended == nil)
    #expect(try run.record.error == "waits for \(waits)")
    let fails = try #require(train(total: 1 << 20, free: 1 << 20).failure)
    #expect(!fails.mayPass && fails.description.contains("this machine leaves 0 MB to runs"))
    #expect(try run.record.status == .failed)
    #expect(train(total: 1 << 30, free: 1 << 30) == .completed)
  }

  /// What a process may have open is no fault of the run's.
  @Test func aRunThatFindsNoDescriptorWaits() throws {
    let run = try TrainingFolder().place(Self.text)
    for code in [EMFILE, ENFILE] {
      let failure = try #require(run.train(in: FaultyFileSystem(.error(code), at: 8)).failure)
      #expect(failure.kind == .room(nil) && failure.description.hasPrefix("a file descriptor: cannot "))
    }
    #expect(run.train() == .completed)
  }

  /// A full disk that takes half of what is written, at each write of the run.
  @Test func tornWritesLeaveNoTrace() throws {
    let folder = try TrainingFolder()
    let expected = try Self.uninterrupted(folder)
    for number in 0... {
      let files = FaultyFileSystem(.tornWrite(ENOSPC), at: number, only: [.write])
      let run = try folder.place(Self.text, as: "run-\(number)")
      let outcome = run.train(in: files)
      guard !files.failed.isEmpty else {
        #expect(number > 20)
        break
      }
      guard case .failed(let failure) = outcome else {
        Issue.record("write \(number): \(outcome)")
        continue
      }
      #expect(failure.kind == .machine(isDiskFull: true) && failure.description.contains("free some space"))
      #expect(run.train() == .completed)
      #expect(try run.results == expected, "write \(number)")
      #expect(try !run.files.contains(where: DurableFile.isTemporary), "write \(number)")
    }
  }

  @Test func otherRunsGoOn() throws {
    let folder = try TrainingFolder()
    let expected = try Self.uninterrupted(folder)
    for number in stride(from: 1, to: 40, by: 7) {
      let runs = try (0..<3).map { try folder.place(Self.text, as: "run-\(number)-\($0)") }
      let files = FaultyFileSystem(.error(ENOSPC), at: number, persists: true, only: [.write, .synchronize])
      DispatchQueue.concurrentPerform(iterations: runs.count) { index in
        let outcome = index == 1 ? runs[1].train(in: files) : runs[index].train()
        #expect(outcome.status == (index == 1 ? .failed : .completed))
      }
      #expect(try runs[0].results == expected && runs[2].results == expected)
    }
  }

  @Test func aDiskThatIsFullFromTheBeginningIsAFailureToo() throws {
    let folder = try TrainingFolder()
    let run = try folder.place(Self.text)
    let failure = try #require(run.train(in: FaultyFileSystem(.error(ENOSPC), at: 0, persists: true)).failure)
    #expect(failure.kind == .machine(isDiskFull: true) && failure.mayPass)
    #expect(failure.description.contains(run.folder.path))
  }
}
