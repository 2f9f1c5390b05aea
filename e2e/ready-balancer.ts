import { once } from 'node:events'
import { createServer, request as startRequest } from 'node:http'
import { join } from 'node:path'

import { exchange } from './http-exchange.ts'
import { findNginx, startNginx } from './nginx.ts'

/** One address in front of several gateways, that gives requests to those whose `/ready` says yes. */
export interface ReadyBalancer extends AsyncDisposable {
  readonly url: string
  /** What it is. */
  readonly name: string
  /** The gateways behind it that were ready at its last look. */
  readonly ready: readonly string[]
  /** It looks after these from now on. */
  watch(gateways: readonly string[]): void
}

/** What gives requests to servers. */
interface Front extends AsyncDisposable {
  readonly url: string
  readonly name: string
  /** To these from now on; addresses such as `127.0.0.1:6734`. */
  balance(servers: readonly string[]): Promise<void>
}

/** Between looks, in milliseconds. */
const LOOK_MS = 100

/**
 * Starts the nginx of this machine, or, where there is none, the least that does the same. nginx as it is free of charge asks
 * nobody: its list is written anew, and it reads it again, when another gateway is ready.
 *
 * @param directory what nginx keeps on disk goes here.
 * @param gateways their URLs; all of them are ready.
 */
export const startReadyBalancer = async (
  directory: string,
  gateways: readonly string[],
): Promise<ReadyBalancer> => {
  let watched = gateways
  let ready = gateways
  const front = await startFront(directory, hostsOf(ready))
  const ending = new AbortController()
  const look = async (): Promise<void> => {
    const isReady = await Promise.all(watched.map(saysYes))
    const now = watched.filter((_, index) => isReady[index])
    if (now.length === 0 || now.join() === ready.join()) return
    await front.balance(hostsOf(now))
    ready = now
  }
  const looking = (async () => {
    while (!ending.signal.aborted) {
      await look()
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  })()
  return {
    url: front.url,
    name: front.name,
    get ready() {
      return ready
    },
    watch: (next) => {
      watched = next
    },
    async [Symbol.asyncDispose]() {
      ending.abort()
      await looking
      await front[Symbol.asyncDispose]()
    },
  }
}

const hostsOf = (urls: readonly string[]): readonly string[] => urls.map((url) => new URL(url).host)

const saysYes = (url: string): Promise<boolean> =>
  exchange(`${url}/ready`, { timeoutMs: 5000 }).then(
    ({ status }) => status === 200,
    () => false,
  )

const startFront = async (directory: string, servers: readonly string[]): Promise<Front> => {
  const executable = await findNginx()
  if (executable === undefined) return startOwnFront(servers)
  const nginx = await startNginx({
    executable,
    directory: join(directory, 'nginx'),
    directives: ['proxy_set_header Host $http_host;'],
    locations: { '/mcp': 'http://upstream' },
    servers,
  })
  return { ...nginx, name: 'nginx' }
}

/** In turn, whole requests and whole answers, to the next one when a connection is refused. */
const startOwnFront = async (servers: readonly string[]): Promise<Front> => {
  let list = servers
  let turn = 0
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const from = turn
    turn += 1
    const attempt = (tries: number): void => {
      const target = new URL(request.url ?? '', `http://${list[(from + tries) % list.length]}`)
      const { headers, method } = request
      const sent = startRequest(target, { method, headers, agent: false })
      sent.once('response', (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      })
      sent.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNREFUSED' && tries < list.length) attempt(tries + 1)
        else if (response.headersSent) response.destroy()
        else response.writeHead(502).end()
      })
      sent.end(body)
    }
    attempt(0)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    name: 'a balancer of our own',
    balance: (next) => {
      list = next
      return Promise.resolve()
    },
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
