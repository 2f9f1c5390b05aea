const ANSWER_MS = 5000

/** Whether a gateway wants a key for `/mcp`. Asks for a server that cannot exist, so that nothing is called. */
export const wantsKey = async (gatewayUrl: string): Promise<boolean> => {
  const response = await fetch(`${gatewayUrl}/mcp/server-card`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
    signal: AbortSignal.timeout(ANSWER_MS),
  })
  await response.body?.cancel()
  return response.status === 401
}
