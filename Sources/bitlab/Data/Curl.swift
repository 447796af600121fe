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

    static func tooMuch(_ text: String) -> Failure { Failure(code: 63, status: nil, text: text) }

    /// Nobody answers there, and nobody will in a moment; waiting in vain for an answer at all is such a case too.
    var isUnreachable: Bool { [5, 6, 7, 35, 60].contains(code) || isTooSlow && status == nil }
    /// Nothing came for as long as there is patience.
    var isTooSlow: Bool { code == 28 }
    /// The server cannot go on where the last attempt ended, or there is nothing behind it.
    var cannotContinue: Bool { code == 33 || status == 416 }
    /// Whether the same again may do better: not where addresses or redirects are wrong, or there is no end of what comes.
    var mayPass: Bool {
      if isUnreachable || [1, 3, 47, 63].contains(code) { return false }
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

  /// Hands over what comes from there, from a byte on, as it comes. What `take` throws ends the transfer.
  ///
  /// It comes through a pipe: should this process die, however it does, curl has nobody to write for, and ends too.
  func fetch(
    _ address: String, from offset: Int, take: (UnsafeRawBufferPointer) throws -> Void
  ) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = [
      "--disable", "--fail", "--location", "--silent", "--show-error", "--no-buffer", "--globoff", "--proto",
      "=http,https", "--connect-timeout", "\(patience)", "--speed-limit", "1", "--speed-time", "\(patience)",
      "--continue-at", "\(offset)", "--write-out", "%{stderr}\n%{http_code}", "--output", "-", "--", address,
    ]
    process.standardInput = FileHandle.nullDevice
    let (content, remarks) = (Pipe(), Pipe())
    process.standardOutput = content
    // A line or two: they fit into the pipe.
    process.standardError = remarks
    do { try process.run() } catch {
      return .failed(
        Failure(code: -1, status: nil, text: "curl cannot be run: \(error.localizedDescription)"))
    }
    do {
      try Self.readAll(content.fileHandleForReading.fileDescriptor, take)
    } catch {
      // SIGTERM may be blocked: what a thread has blocked its children inherit.
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      throw error
    }
    process.waitUntilExit()
    let said = String(decoding: remarks.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let lines = said.split(separator: "\n")
    let status = lines.last.flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      let text = lines.first { $0.hasPrefix("curl:") }?.replacing(#/^curl: \(\d+\) /#, with: "")
      return .failed(
        Failure(code: process.terminationStatus, status: status, text: text.map(String.init) ?? "curl ended"))
    }
    return .done
  }

  private static func readAll(
    _ descriptor: Int32, _ take: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      let count = read(descriptor, buffer.baseAddress, buffer.count)
      if count > 0 {
        try take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      } else if count == 0 || errno != EINTR {
        return
      }
    }
  }
}
