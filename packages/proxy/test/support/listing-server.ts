import { answerJson, type HttpUpstream, startHttpUpstream } from '@mreg/testing'

/** What a server says of its list of tools. */
export interface Freshness {
  readonly ttlMs: number
  readonly cacheScope: 'public' | 'private'
}

/** A server of the newer era with one tool, `echo`, that counts who asks for it. */
export interface ListingServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** How often it was asked for its tools. */
  readonly listed: number
  stop(): Promise<void>
}

const TOOL = { name: 'echo', inputSchema: { type: 'object', properties: {} } }
const DISCOVERED = {
  supportedVersions: ['2026-07-28'],
  capabilities: { tools: {} },
  ttlMs: 0,
  cacheScope: 'private',
}

/** Starts one on a free port of 127.0.0.1. */
export const startListingServer = async ({ cacheScope, ttlMs }: Freshness): Promise<ListingServer> => {
  const results: Readonly<Record<string, object>> = {
    'server/discover': DISCOVERED,
    'tools/list': { tools: [TOOL], ttlMs, cacheScope },
    'tools/call': { content: [{ type: 'text', text: 'echo' }] },
  }
  const server: HttpUpstream = await startHttpUpstream(({ rpcId: id, rpcMethod: method = '' }, response) => {
    const result = results[method]
    const error = { code: -32_601, message: 'Method not found' }
    const answer = result === undefined ? { error } : { result: { resultType: 'complete', ...result } }
    answerJson(response, { jsonrpc: '2.0', id, ...answer }, result === undefined ? { status: 404 } : {})
  })
  return {
    url: server.url,
    port: server.port,
    get listed() {
      return server.requests.filter(({ rpcMethod }) => rpcMethod === 'tools/list').length
    },
    stop: () => server.stop(),
    [Symbol.asyncDispose]: () => server.stop(),
  }
}
