/// What the program returns, after sysexits where that has a code.
enum ExitCode {
  static let done: Int32 = 0
  /// A run failed or diverged.
  static let failure: Int32 = 1
  static let usage: Int32 = 2
  /// Bad or missing data, damaged files.
  static let data: Int32 = 65
  static let noInput: Int32 = 66
  /// No daemon runs, and the verb needs one.
  static let noDaemon: Int32 = 69
  /// Another process holds the results folder.
  static let tryAgain: Int32 = 75
  static let configuration: Int32 = 78

  static func signal(_ number: Int32) -> Int32 { 128 + number }
}
