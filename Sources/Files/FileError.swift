import Foundation

/// A file operation that the system refused: what was tried, on which path, why, and what to do about it.
///
/// Its description is one sentence for people, for example
/// `cannot write results/mnist/curve.csv: No space left on device (28): free some space`.
package struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was tried; the raw value completes "cannot ...".
  package enum Operation: String, Sendable, Hashable, CaseIterable {
    case open
    case create
    case read
    case write
    case synchronize = "sync"
    case close
    case truncate
    case measure = "find out the size of"
    case rename
    case remove
    case createFolder = "create the folder"
    case list = "list the folder"
    case synchronizeFolder = "sync the folder"
    case lock
    /// With the system's events (inotify).
    case watch
  }

  package let operation: Operation
  package let path: String
  /// The system's `errno`.
  package let code: Int32

  package init(_ operation: Operation, _ path: String, code: Int32) {
    self.operation = operation
    self.path = path
    self.code = code
  }

  /// The disk, or the user's share of it, is full: the same command works once there is room.
  package var isDiskFull: Bool { operation != .watch && (code == ENOSPC || code == EDQUOT) }

  /// The process, or the whole system, has as many files open as it may.
  package var isForWantOfDescriptors: Bool { code == EMFILE || code == ENFILE }

  /// The file or folder is not there.
  package var isMissing: Bool { code == ENOENT }

  /// The user may not do this here.
  package var isPermissionDenied: Bool { code == EACCES || code == EPERM || code == EROFS }

  /// A pipe is in the file's place.
  package var isNoFile: Bool { code == ENOTSUP && (operation == .open || operation == .create) }

  /// The device itself failed: what it holds may be lost.
  package var isDeviceFailure: Bool { code == EIO }

  package var description: String {
    // A path may have any byte but zero.
    "cannot \(operation.rawValue) \(path.inMessage()): \(String(cString: strerror(code))) (\(code)): \(remedy)"
  }

  private var remedy: String {
    switch code {
    case ENOSPC where operation == .watch:
      "the user's watches are used up: raise fs.inotify.max_user_watches (sysctl), or end programs that watch many files"
    case EMFILE where operation == .watch:
      "too many programs watch files: raise fs.inotify.max_user_instances (sysctl), or the limit of open files (ulimit -n)"
    case ENOSPC: "free some space"
    case EDQUOT: "free some of your disk quota"
    case EFBIG: "raise the file size limit (ulimit -f), or write to a file system that allows larger files"
    case EACCES, EPERM: "check who owns it and its permissions, or choose another folder"
    case EROFS: "choose a folder on a file system that can be written"
    case ENOENT: "check the path"
    case ENOTDIR, EEXIST: "a file or folder of that name is in the way: move it or choose another path"
    case ENOTSUP: "a regular file is expected there: move away what has its name"
    case EISDIR: "a folder is where a file is expected: move it or choose another path"
    case ENAMETOOLONG: "choose a shorter name or a folder nearer to the root"
    case EMFILE, ENFILE: "too many files are open: raise the limit (ulimit -n) or run fewer things at once"
    case EIO, ESTALE: "the disk or its connection failed: check the system's log, then run the command again"
    default: "run the command again once the cause is gone"
    }
  }
}

/// A file that can be read but does not hold what it should: where, what is wrong, and what to do.
package struct FileContentError: Error, Hashable, Sendable, CustomStringConvertible {
  package let path: String
  /// What was found, and what was expected.
  package let problem: String
  package let remedy: String

  package init(path: String, problem: String, remedy: String) {
    self.path = path
    // What was found may be of any length, and the remedy is to be read too.
    self.problem = problem.inMessage(upTo: String.longestMessage / 2)
    self.remedy = remedy
  }

  package var description: String { "\(path.inMessage()): \(problem): \(remedy)" }
}
