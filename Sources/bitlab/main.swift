import Foundation

// Writing to a reader that has gone is an error to handle, not a reason to die half-way through a checkpoint.
signal(SIGPIPE, SIG_IGN)
exit(BitLab.main(Array(CommandLine.arguments.dropFirst()), environment: ProcessInfo.processInfo.environment))
