import {
  Client as NewClient,
  StreamableHTTPClientTransport as NewTransport,
} from '@modelcontextprotocol/client'
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'

import type { AuthorizationServer } from '../servers/authorization-server.ts'
import { MemoryLogin } from './memory-login.ts'

/** A client that has logged in. */
export interface LoggedIn extends AsyncDisposable {
  readonly login: MemoryLogin
  toolNames(): Promise<readonly string[]>
  call(
    name: string,
    input: Record<string, unknown>,
    onProgress?: (progress: number) => void,
  ): Promise<unknown>
}

/** Comes to an address, is sent to the browser, comes back with a code, and comes again. */
export type LogIn = (url: string, server: AuthorizationServer, login?: MemoryLogin) => Promise<LoggedIn>

const identity = { name: 'newcomer', version: '1' }

const answerOf = async (server: AuthorizationServer, login: MemoryLogin): Promise<URLSearchParams> => {
  const visit = login.visits.at(-1)
  if (visit === undefined) throw new Error('nobody was sent to the browser')
  const { searchParams } = await server.consent(visit.href)
  if (searchParams.get('state') !== login.state()) throw new Error('the answer is to another login')
  return searchParams
}

const logInOld: LogIn = async (url, server, login = new MemoryLogin()) => {
  const open = () => new StreamableHTTPClientTransport(new URL(url), { authProvider: login })
  const begun = open()
  const isRefused = await new Client(identity).connect(begun).then(
    () => false,
    (error: unknown) => {
      if (error instanceof UnauthorizedError) return true
      throw error
    },
  )
  if (isRefused) await begun.finishAuth((await answerOf(server, login)).get('code') ?? '')
  const client = new Client(identity)
  await client.connect(open())
  return {
    login,
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: (name, input, onProgress) =>
      client.callTool(
        { name, arguments: input },
        undefined,
        onProgress && { onprogress: ({ progress }) => onProgress(progress) },
      ),
    [Symbol.asyncDispose]: () => client.close(),
  }
}

const logInNew =
  (create: () => NewClient): LogIn =>
  async (url, server, login = new MemoryLogin()) => {
    const open = () => new NewTransport(new URL(url), { authProvider: login })
    const begun = open()
    const visits = login.visits.length
    await create()
      .connect(begun)
      .catch((error: unknown) => {
        if (login.visits.length === visits) throw error
      })
    if (login.visits.length > visits) await begun.finishAuth(await answerOf(server, login))
    const client = create()
    await client.connect(open())
    return {
      login,
      toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
      call: (name, input, onProgress) =>
        client.callTool(
          { name, arguments: input },
          onProgress && { onprogress: ({ progress }) => onProgress(progress) },
        ),
      [Symbol.asyncDispose]: () => client.close(),
    }
  }

/** The official clients, which find out by themselves where to log in, and for what. */
export const LOGIN_CLIENTS: readonly (readonly [string, LogIn])[] = [
  ['SDK v1', logInOld],
  ['SDK v2', logInNew(() => new NewClient(identity))],
  [
    'SDK v2 in the newer era',
    logInNew(() => new NewClient(identity, { versionNegotiation: { mode: { pin: '2026-07-28' } } })),
  ],
]
