import Experiments
import Foundation

/// The results folder's queue belongs to another user, and this one may not look into it. Exit code 69 where a verb needs the
/// daemon.
struct ForeignFolder: Error, CustomStringConvertible {
  /// The program's own folder in the results folder.
  private let path: String
  /// The owner's name, or number; nil where not even that can be known.
  private let owner: String?

  /// nil where the folder is open to this user, or is not there.
  init?(_ results: ResultsFolder) {
    func isForbidden(_ path: String, _ mode: Int32) -> Bool { access(path, mode) != 0 && errno == EACCES }
    guard isForbidden(results.stateFolder, X_OK) || isForbidden(results.socketFile, W_OK) else { return nil }
    path = results.stateFolder
    var status = stat()
    owner = stat(path, &status) == 0 ? Self.name(of: status.st_uid) : nil
  }

  var description: String {
    "the daemon of this results folder is for \(user) alone, who has \(path): run the command as that user"
  }

  /// Where it is said what the files tell nevertheless.
  var source: String {
    "\(path) belongs to \(user), and nobody else sees whether a daemon runs; this is from the runs' files"
  }

  private var user: String { owner.map { "user \($0)" } ?? "another user" }

  private static func name(of user: uid_t) -> String {
    var (entry, found) = (passwd(), UnsafeMutablePointer<passwd>?.none)
    var buffer = [CChar](repeating: 0, count: 1 << 14)
    guard getpwuid_r(user, &entry, &buffer, buffer.count, &found) == 0, found != nil,
      let name = entry.pw_name.flatMap({ String(validatingCString: $0) })
    else { return "\(user)" }
    return name
  }
}
