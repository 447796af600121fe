import Glibc

/// Clocks that nobody sets, in seconds.
enum MonotonicClock {
  static var now: Double { seconds(CLOCK_MONOTONIC) }

  /// Of the threads of a process together, user's and system's time.
  ///
  /// The same account as `/proc/PID/stat`, in nanoseconds where that counts ticks of 10 ms.
  static func cpuSeconds(of process: pid_t) -> Double {
    var clock = clockid_t()
    guard clock_getcpuclockid(process, &clock) == 0 else { return .nan }
    return seconds(clock)
  }

  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    guard clock_gettime(clock, &time) == 0 else { return .nan }
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
