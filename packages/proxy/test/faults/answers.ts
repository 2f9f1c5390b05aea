import { httpResponse } from '@mreg/testing'

/** A message as a server has read it. */
export interface ReadMessage {
  readonly verb: string
  readonly id: unknown
  readonly method: string | undefined
  /** What tells this call from all others; empty for what is no call. */
  readonly nonce: string
  readonly progress: object
  readonly result: object
}

export const isCall = ({ method }: ReadMessage): boolean => method === 'tools/call'

const NOT_CACHED = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' }
const CAPABILITIES = { tools: {}, prompts: {} }
const SERVER_INFO = { name: 'faulty', version: '1' }

/** What a server in good health answers, as the bytes of a whole response. */
export const responseTo = (
  { id, method, nonce, result, verb }: ReadMessage,
  era: 'legacy' | 'modern',
): Buffer => {
  if (verb === 'GET') return httpResponse(405, {})
  if (id === undefined) return httpResponse(verb === 'POST' ? 202 : 200, {})
  const message = ((): object => {
    if (method === 'tools/call') return { result }
    if (method === 'prompts/get')
      return {
        result: {
          resultType: 'complete',
          messages: [{ role: 'user', content: { type: 'text', text: nonce } }],
        },
      }
    if (method === 'tools/list')
      return { result: { ...NOT_CACHED, tools: [{ name: 'pay', inputSchema: { type: 'object' } }] } }
    if (method === 'prompts/list') return { result: { ...NOT_CACHED, prompts: [{ name: 'pay' }] } }
    if (method === 'initialize' && era === 'legacy')
      return {
        result: { protocolVersion: '2025-11-25', capabilities: CAPABILITIES, serverInfo: SERVER_INFO },
      }
    if (method === 'server/discover' && era === 'modern')
      return { result: { ...NOT_CACHED, supportedVersions: ['2026-07-28'], capabilities: CAPABILITIES } }
    return { error: { code: -32_601, message: 'Method not found' } }
  })()
  const headers = {
    'content-type': 'application/json',
    ...(method === 'initialize' ? { 'mcp-session-id': 'session' } : {}),
  }
  return httpResponse(200, headers, JSON.stringify({ jsonrpc: '2.0', id, ...message }))
}
