/** The first message of a session of the older era. */
export const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  },
} as const

/** What MCP over HTTP wants to be asked with. */
export const MCP_HEADERS = { accept: 'application/json, text/event-stream' } as const
