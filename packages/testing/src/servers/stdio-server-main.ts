import { spawn } from 'node:child_process'
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'

/**
 * An MCP server over standard input and output that does what its options and its tools say, also what no server should do.
 * It depends on nothing, so that it starts in a moment. See `stdioServer` for the options.
 */
const { values: options } = parseArgs({
  options: {
    era: { type: 'string', default: 'legacy' },
    'start-delay-ms': { type: 'string', default: '0' },
    'exit-at-start': { type: 'string' },
    'exit-on-discover': { type: 'boolean', default: false },
    'ignore-discover': { type: 'boolean', default: false },
    'never-answer': { type: 'boolean', default: false },
    'never-read': { type: 'boolean', default: false },
    'ignore-term': { type: 'boolean', default: false },
    'ask-roots-at-start': { type: 'boolean', default: false },
    stderr: { type: 'string', multiple: true, default: [] },
    'stdout-garbage': { type: 'string', multiple: true, default: [] },
    grandchild: { type: 'string', multiple: true, default: [] },
  },
})

type Json = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null
const objectOf = (value: unknown): Json => (isObject(value) ? value : {})
const write = (text: string): boolean => process.stdout.write(`${text}\n`)
const send = (message: Json): boolean => write(JSON.stringify({ jsonrpc: '2.0', ...message }))
const text = (value: unknown): Json => ({
  content: [{ type: 'text', text: typeof value === 'string' ? value : JSON.stringify(value) }],
})

const received: Json[] = []
const cancelled = new Set<unknown>()
const waiting = new Map<unknown, (message: Json) => void>()
let initialization: Json = {}
let lastId = 0

/** Asks the client, and gives its whole response. */
const ask = (method: string, params: Json): Promise<Json> => {
  const id = lastId
  lastId += 1
  send({ id, method, params })
  return new Promise((resolve) => {
    waiting.set(id, resolve)
  })
}

/** Starts a process that runs until it is ended. */
const startGrandchild = (kind: string): number | undefined => {
  const script = `${kind.includes('stubborn') ? "process.on('SIGTERM', () => {});" : ''} setInterval(() => {}, 1e6)`
  const child = spawn(process.execPath, ['-e', script], {
    stdio: kind.includes('inherit') ? 'inherit' : 'ignore',
    // A process group of its own, as browsers that are started by a server have.
    detached: kind.includes('detached'),
  })
  child.unref()
  return child.pid
}

const tools: Readonly<Record<string, (args: Json, id: unknown, meta: Json) => Json | Promise<Json>>> = {
  echo: ({ message }) => text(message),
  wait: async ({ ms, message }) => {
    await delay(Number(ms))
    return text(message ?? 'waited')
  },
  untilCancelled: async (_args, id) => {
    while (!cancelled.has(id)) await delay(5)
    return text('cancelled')
  },
  progress: async ({ steps, stepMs }, _id, meta) => {
    for (let progress = 1; progress <= Number(steps); progress += 1) {
      if (stepMs !== undefined) await delay(Number(stepMs))
      send({
        method: 'notifications/progress',
        params: { progressToken: meta['progressToken'], progress, total: steps },
      })
    }
    return text(`made ${String(steps)} steps`)
  },
  crash: ({ code, stderr }) => {
    if (typeof stderr === 'string') writeSync(2, `${stderr}\n`)
    process.exit(Number(code ?? 1))
  },
  kill: () => {
    process.kill(process.pid, 'SIGKILL')
    return {}
  },
  garbage: ({ lines }) => {
    for (const line of Array.isArray(lines) ? lines : []) write(String(line))
    return text('said garbage')
  },
  flood: async ({ bytes }) => {
    const line = `${'flood '.repeat(170)}\n`
    for (let left = Number(bytes); left > 0; left -= line.length) {
      if (!process.stderr.write(line)) await new Promise((resolve) => process.stderr.once('drain', resolve))
    }
    process.stderr.write('the last line of the flood\n')
    return text('flooded')
  },
  large: ({ bytes }) => text('x'.repeat(Number(bytes))),
  /** Answers with bytes that are no message but name the call. */
  malformed: (_args, id) => {
    write(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"content":[}`)
    return { unanswered: true }
  },
  ask: async ({ method, params }) => text(await ask(String(method), objectOf(params))),
  /** Says something unasked, during the call or, with afterMs, later. */
  say: async ({ method, params, afterMs }) => {
    const say = (): boolean => send({ method: String(method), params: objectOf(params) })
    if (afterMs === undefined) say()
    else setTimeout(say, Number(afterMs))
    return text('said')
  },
  askLater: ({ method, params, afterMs }) => {
    setTimeout(() => {
      void ask(String(method), objectOf(params)).then((answer) => received.push({ answer }))
    }, Number(afterMs))
    return text('will ask')
  },
  stopReading: () => {
    setInterval(() => {}, 1_000_000)
    input.pause()
    process.stdin.pause()
    return text('stopped reading')
  },
  grandchild: ({ kind }) => text({ pid: startGrandchild(typeof kind === 'string' ? kind : '') }),
  environment: () => text(process.env),
  about: () =>
    text({ pid: process.pid, cwd: process.cwd(), argv: process.argv.slice(2), initialization, received }),
}

const discovered: Json = {
  resultType: 'complete',
  supportedVersions: ['2026-07-28'],
  capabilities: { tools: {} },
  ttlMs: 0,
  cacheScope: 'private',
}

const answer = async (message: Json): Promise<void> => {
  const { id, method } = message
  const params = objectOf(message['params'])
  const meta = objectOf(params['_meta'])
  const isModern = meta['io.modelcontextprotocol/protocolVersion'] !== undefined
  const result = (value: Json): boolean => send({ id, result: value })
  const error = (code: number, words: string): boolean => send({ id, error: { code, message: words } })
  if (method === 'server/discover') {
    if (options['exit-on-discover']) process.exit(3)
    if (options['ignore-discover']) return
    if (options.era === 'legacy') error(-32_601, 'Method not found')
    else result(discovered)
  } else if (isModern && options.era === 'legacy') {
    error(-32_600, 'not initialized')
  } else if (!isModern && options.era === 'modern') {
    error(-32_602, '_meta must have io.modelcontextprotocol/protocolVersion')
  } else if (method === 'initialize') {
    initialization = params
    const { protocolVersion } = params
    result({
      protocolVersion,
      capabilities: { tools: {}, resources: { subscribe: true } },
      serverInfo: { name: 'stdio-fixture', version: '1.0.0' },
    })
  } else if (method === 'ping' || method === 'resources/subscribe' || method === 'resources/unsubscribe') {
    result({})
  } else if (method === 'tools/list') {
    result({
      ...(isModern ? { resultType: 'complete', ttlMs: 0, cacheScope: 'private' } : {}),
      tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' } })),
    })
  } else if (method === 'tools/call') {
    const tool = tools[String(params['name'])]
    if (tool === undefined) return void error(-32_602, 'Unknown tool')
    const value = await tool(objectOf(params['arguments']), id, meta)
    if (value['unanswered'] !== true) result(isModern ? { resultType: 'complete', ...value } : value)
  } else {
    error(-32_601, 'Method not found')
  }
}

const onNotification = (message: Json): void => {
  const { method } = message
  const params = objectOf(message['params'])
  received.push(message)
  if (method === 'notifications/cancelled') cancelled.add(params['requestId'])
  if (method === 'notifications/initialized' && options['ask-roots-at-start']) {
    void ask('roots/list', {}).then((response) => received.push({ roots: response }))
  }
}

for (const line of options.stderr) writeSync(2, `${line}\n`)
if (options['exit-at-start'] !== undefined) process.exit(Number(options['exit-at-start']))
if (options['ignore-term']) process.on('SIGTERM', () => {})
for (const kind of options.grandchild) startGrandchild(kind)
for (const line of options['stdout-garbage']) write(line)
// What is started so late also reads so late.
await delay(Number(options['start-delay-ms']))
// One that ignores TERM ignores the end of its input as well.
if (options['ignore-term'] || options['never-read']) setInterval(() => {}, 1_000_000)

const input = createInterface({ input: process.stdin })
if (options['never-read']) {
  input.pause()
  process.stdin.pause()
}
input.on('line', (line) => {
  if (options['never-answer']) return
  const message: unknown = JSON.parse(line)
  if (!isObject(message)) return
  if (message['method'] === undefined) {
    waiting.get(message['id'])?.(message)
    waiting.delete(message['id'])
  } else if (message['id'] === undefined) {
    onNotification(message)
  } else {
    void answer(message)
  }
})
