import Foundation
import Synchronization

/// curl, as a program: it knows proxies, certificates, redirects and ranges, and links nothing into this one.
struct Curl: Sendable {
  enum Outcome: Sendable, Hashable {
    case done
    case failed(Failure)
  }

  /// Why nothing more came.
  struct Failure: Sendable, Hashable {
    /// curl's exit code.
    var code: Int32
    /// The server's answer, where there was one.
    var status: Int?
    var text: String

    /// Nobody answers there, and nobody will in a moment.
    var isUnreachable: Bool { [5, 6, 7, 35, 60].contains(code) }
    /// The server cannot go on where the last attempt ended, or there is nothing behind it.
    var cannotContinue: Bool { code == 33 || status == 416 }
    /// Whether the same again may do better.
    var mayPass: Bool {
      if isUnreachable { return false }
      guard let status, status >= 400 else { return true }
      return status == 408 || status == 429 || status >= 500
    }
  }

  /// The program's path.
  let path: String
  /// Seconds without a byte after which a transfer is given up.
  let patience: Int

  /// nil where there is no such program.
  init?(environment: [String: String], patience: Int) {
    let folders = (environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
    let paths = folders.map { folder -> String in "\(folder)/curl" }
    guard let found = paths.first(where: { access($0, X_OK) == 0 }) else { return nil }
    path = found
    self.patience = patience
  }

  /// Adds what is missing of a file to what is there of it.
  func fetch(_ address: String, to file: String) -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = [
      "--disable", "--fail", "--location", "--silent", "--show-error", "--globoff", "--proto", "=http,https",
      "--connect-timeout", "\(patience)", "--speed-limit", "1", "--speed-time", "\(patience)",
      "--continue-at", "-",
      "--output", file, "--write-out", "%{http_code}", "--", address,
    ]
    process.standardInput = FileHandle.nullDevice
    let (results, remarks) = (Pipe(), Pipe())
    process.standardOutput = results
    process.standardError = remarks
    do { try process.run() } catch {
      return .failed(
        Failure(code: -1, status: nil, text: "curl cannot be run: \(error.localizedDescription)"))
    }
    // A line or two each: they fit into the pipes.
    process.waitUntilExit()
    func text(_ pipe: Pipe) -> String {
      String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }
    let status = Int(text(results)).flatMap { $0 > 0 ? $0 : nil }
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      let said = text(remarks).replacing(#/curl: \(\d+\) /#, with: "").trimmingCharacters(
        in: .whitespacesAndNewlines)
      return .failed(
        Failure(code: process.terminationStatus, status: status, text: said.isEmpty ? "curl ended" : said))
    }
    return .done
  }
}
