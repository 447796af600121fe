import Dispatch
import Foundation
import Synchronization

/// An HTTP server on this machine that serves some files, in one of the ways in which servers disappoint.
final class MisbehavingServer: Sendable {
  enum Manner: Sendable, Hashable, CaseIterable {
    case whole
    /// Ends in the middle, whatever is asked for.
    case cuts
    /// Says that more will come than comes.
    case lies
    /// Sends half, and nothing more.
    case stalls
    /// Other bytes, as many.
    case wrong
    case missing
    /// Sends all, whatever part is asked for.
    case noRanges
    /// Is not there for the first request.
    case failsOnce
    /// Sends a few bytes at a time, for minutes.
    case trickles
    /// Says that it is well, and sends nothing.
    case empty
    /// Sends no end of bytes.
    case endless
    /// Sends a quarter of the file at a time.
    case quarters
    /// Ends in the middle, and begins anew whatever part is asked for.
    case cutsWithoutRanges
    /// Takes what is asked, and says nothing.
    case silent
  }

  private struct State {
    var manner: Manner
    var requests: [String] = []
    var stalled: [Int32] = []
    var trickling = 0
  }

  private let listener: Int32
  private let files: [String: [UInt8]]
  private let state: Mutex<State>
  let port: Int

  /// - Parameter files: by name, as they stand behind the last slash.
  init(_ files: [String: [UInt8]], _ manner: Manner) throws {
    self.files = files
    state = Mutex(State(manner: manner))
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 16) == 0
          && getsockname(listener, $0, &length) == 0
      }
    }
    guard isBound else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
    port = Int(UInt16(bigEndian: address.sin_port))
    self.listener = listener
    Thread { [weak self] in
      while true {
        let client = accept(listener, nil, nil)
        if client < 0 { return }
        guard let self else {
          close(client)
          return
        }
        DispatchQueue.global().async { self.serve(client) }
      }
    }.start()
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
    for client in state.withLock({ $0.stalled }) { close(client) }
  }

  var place: String { "http://127.0.0.1:\(port)/some/folder" }
  /// The first lines and ranges of what was asked.
  var requests: [String] { state.withLock { $0.requests } }

  /// Transfers that go on.
  var trickling: Int { state.withLock { $0.trickling } }

  func behave(_ manner: Manner) { state.withLock { $0.manner = manner } }

  private func serve(_ client: Int32) {
    var text = ""
    var piece = [UInt8](repeating: 0, count: 4096)
    while !text.contains("\r\n\r\n") {
      let count = read(client, &piece, piece.count)
      if count <= 0 { break }
      text += String(decoding: piece[..<count], as: UTF8.self)
    }
    let name =
      String(
        text.prefix { $0 != "\r" && $0 != "\n" && $0 != "\r\n" }.split(separator: " ").dropFirst().first ?? ""
      )
      .split(separator: "/").last.map(String.init) ?? ""
    let start = text.firstMatch(of: /(?i)range: bytes=(\d+)-/).flatMap { Int($0.1) }
    let (manner, isFirst) = state.withLock { state in
      defer { state.requests.append(name + (start.map { " from \($0)" } ?? "")) }
      return (state.manner, state.requests.isEmpty)
    }
    if answer(client, name, start, manner, isFirst) { close(client) }
  }

  /// Returns whether the connection is to be closed.
  private func answer(_ client: Int32, _ name: String, _ start: Int?, _ manner: Manner, _ isFirst: Bool)
    -> Bool
  {
    guard let file = files[name], manner != .missing else {
      send(client, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", [])
      return true
    }
    if manner == .failsOnce, isFirst {
      send(client, "HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", [])
      return true
    }
    if manner == .silent {
      state.withLock { $0.stalled.append(client) }
      return false
    }
    let start = [.noRanges, .cutsWithoutRanges].contains(manner) ? nil : start
    if let start, start >= file.count {
      send(client, "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", [])
      return true
    }
    var body = manner == .empty ? [] : Array(file[(start ?? 0)...])
    if manner == .endless {
      send(client, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", [])
      while send(client, "", file) {}
      return true
    }
    if manner == .wrong { body[body.count - 1] ^= 1 }
    let claimed = body.count + (manner == .lies ? 1_000 : 0)
    if [.cuts, .cutsWithoutRanges, .stalls, .trickles].contains(manner) {
      body = Array(body.prefix(body.count / 2))
    }
    if manner == .quarters { body = Array(body.prefix(file.count / 4)) }
    let status =
      start.map { "206 Partial Content\r\nContent-Range: bytes \($0)-\(file.count - 1)/\(file.count)" }
      ?? "200 OK"
    send(client, "HTTP/1.1 \(status)\r\nContent-Length: \(claimed)\r\nConnection: close\r\n\r\n", body)
    if manner == .trickles {
      state.withLock { $0.trickling += 1 }
      for byte in file[((start ?? 0) + body.count)...] {
        guard send(client, "", [byte]) else { break }
        usleep(10_000)
      }
      state.withLock { $0.trickling -= 1 }
    }
    guard manner == .stalls else { return true }
    state.withLock { $0.stalled.append(client) }
    return false
  }

  /// Returns whether all could be sent.
  @discardableResult
  private func send(_ client: Int32, _ head: String, _ body: [UInt8]) -> Bool {
    var rest = (Array(head.utf8) + body)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Foundation.send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }
}
