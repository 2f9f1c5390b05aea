import { type DualEraServerOptions, dualEraStdioServer, startDualEraServer } from '@mreg/testing'

/** How a server is reached. */
export interface ServerAddress extends AsyncDisposable {
  readonly url?: string | undefined
  /** HTTP+SSE, the transport of 2024-11-05. */
  readonly sseUrl?: string | undefined
  readonly command?: { readonly command: string; readonly args: readonly string[] } | undefined
}

export interface ServerKind {
  readonly server: string
  readonly slug: string
  readonly era: 'legacy' | 'modern'
  readonly start: () => Promise<ServerAddress>
  /** What cannot be, whatever the client: fixed before anything was tried. */
  readonly impossible: Readonly<Record<string, string>>
}

const overHttp = async (options: DualEraServerOptions): Promise<ServerAddress> => {
  const server = await startDualEraServer(options)
  return { url: server.url, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

const overSse = async (): Promise<ServerAddress> => {
  const server = await startDualEraServer({ modern: false, legacy: 'none' })
  return { sseUrl: server.sseUrl, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

const overStdio = async (era: 'legacy' | 'modern'): Promise<ServerAddress> => ({
  command: dualEraStdioServer(era),
  async [Symbol.asyncDispose]() {
    // The process belongs to whoever started it.
  },
})

const NOBODY = 'a server without sessions has nobody to ask: the answer comes in another request'
const NO_STREAM = 'a server without sessions has no stream of its own'

/** The servers of the matrix. */
export const SERVERS: readonly ServerKind[] = [
  {
    server: 'modern HTTP',
    slug: 'modern-http',
    era: 'modern',
    start: () => overHttp({ legacy: 'none' }),
    impossible: {},
  },
  {
    server: 'legacy HTTP, sessions',
    slug: 'stateful-http',
    era: 'legacy',
    start: () => overHttp({ modern: false, resumable: false }),
    impossible: {},
  },
  {
    server: 'legacy HTTP, resumable',
    slug: 'resumable-http',
    era: 'legacy',
    start: () => overHttp({ modern: false, resumable: true }),
    impossible: {},
  },
  {
    server: 'legacy HTTP, stateless',
    slug: 'stateless-http',
    era: 'legacy',
    start: () => overHttp({ modern: false, legacy: 'stateless' }),
    impossible: {
      'elicitation by form': NOBODY,
      'elicitation by URL': NOBODY,
      sampling: NOBODY,
      roots: NOBODY,
      'several questions': NOBODY,
      cancel: 'a server without sessions cannot tell which call a notification is about',
      list_changed: NO_STREAM,
      'resource subscribe': NO_STREAM,
    },
  },
  {
    server: 'HTTP+SSE',
    slug: 'http-sse',
    era: 'legacy',
    start: overSse,
    impossible: {},
  },
  {
    server: 'legacy stdio',
    slug: 'legacy-stdio',
    era: 'legacy',
    start: () => overStdio('legacy'),
    impossible: {},
  },
  {
    server: 'modern stdio',
    slug: 'modern-stdio',
    era: 'modern',
    start: () => overStdio('modern'),
    impossible: {},
  },
]
