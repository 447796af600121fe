/// What one client of the control socket may use.
package struct ControlLimits: Hashable, Sendable {
  /// Clients at once. For one more the client goes that has asked for nothing for the longest time; where all are being
  /// answered, the new one is told so in its greeting and closed.
  package var connections = 64
  /// A request's line, without its line feed. Configs travel inside requests.
  package var requestBytes = 8 << 20
  /// A response's line, without its line feed.
  package var responseBytes = 1 << 20
  /// Responses that wait for a client that does not read; one more and it is disconnected.
  package var outgoingBytes = 16 << 20
  /// How long a client may take for its next whole request, from the greeting or the end of the last reply.
  package var requestTimeout = Duration.seconds(60)

  package init() {}
}
