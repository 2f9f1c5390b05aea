import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'

/** How a replica behaves at the moment. `lies`: it answers something that nobody asked. */
export type Mood = 'well' | 'slow' | 'lies'

/** What it tells whoever started it: where it listens, and each call that it has executed. */
export type Report = { readonly port: number } | { readonly executed: string }

interface Message {
  readonly id?: string | number
  readonly method?: string
  readonly params?: { readonly arguments?: { readonly nonce?: string } }
}

// A program of its own: an MCP server of both eras with one tool, in as few lines as it takes.
const sessions = new Set<string>()
let mood: Mood = 'well'
process.on('message', (next: Mood) => {
  mood = next
})
const report = (what: Report): void => void process.send?.(what)

const about = { capabilities: { tools: {} }, serverInfo: { name: 'cashier', version: '1.0.0' } }
const RESULTS: Readonly<Record<string, object>> = {
  initialize: { protocolVersion: '2025-11-25', ...about },
  'server/discover': { supportedVersions: ['2026-07-28'], ...about, ttlMs: 0, cacheScope: 'private' },
  'tools/list': {
    tools: [{ name: 'pay', description: 'Pays once.', inputSchema: { type: 'object' } }],
    ttlMs: 0,
    cacheScope: 'private',
  },
}

const resultOf = ({ method = '', params }: Message): object => {
  if (method !== 'tools/call') return RESULTS[method] ?? {}
  const nonce = params?.arguments?.nonce ?? ''
  report({ executed: nonce })
  return { content: [{ type: 'text', text: nonce }] }
}

const read = async (request: IncomingMessage): Promise<Message> => {
  let body = ''
  for await (const part of request.setEncoding('utf8')) body += part
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the gateway checks what it sends
  return (body === '' ? {} : JSON.parse(body)) as Message
}

const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const message = await read(request)
  if (message.id === undefined) {
    response.writeHead(request.method === 'POST' ? 202 : 405).end()
    return
  }
  const session = request.headers['mcp-session-id']
  if (typeof session === 'string' && !sessions.has(session)) {
    response.writeHead(404).end()
    return
  }
  const opened = message.method === 'initialize' ? `${process.pid}-${sessions.size}` : undefined
  if (opened !== undefined) sessions.add(opened)
  if (mood === 'slow') await setTimeout(400)
  response.setHeader('content-type', 'application/json')
  if (opened !== undefined) response.setHeader('mcp-session-id', opened)
  const id = mood === 'lies' ? 'of somebody else' : message.id
  response.end(
    JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...resultOf(message) } }),
  )
}

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy())
})
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address !== 'string') report({ port: address.port })
})
