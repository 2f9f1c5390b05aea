/** Names of the protocol's HTTP headers, in the lower case in which Node gives them. */
export const HEADER = Object.freeze({
  /** Legacy sessions. */
  sessionId: 'mcp-session-id',
  protocolVersion: 'mcp-protocol-version',
  method: 'mcp-method',
  name: 'mcp-name',
  /** Followed by the name that a tool's input schema declares in `x-mcp-header`. */
  paramPrefix: 'mcp-param-',
  /** Legacy resumption of a stream. */
  lastEventId: 'last-event-id',
})
