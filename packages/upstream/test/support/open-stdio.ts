import { randomUUID } from 'node:crypto'

import { HttpPool } from '@mreg/http-pool'
import { encodeRequest } from '@mreg/mcp-wire'
import { stdioServer, type StdioServerCommand, type StdioServerOptions } from '@mreg/testing'

import {
  type EndpointTarget,
  LegacySession,
  noCredentials,
  readResponse,
  type StdioLimits,
  type StdioState,
  type UpstreamEndpoint,
  Upstreams,
  type UpstreamsOptions,
} from '../../src/index.ts'
import { callOf, initialize, initialized, PROTOCOL_VERSION } from './messages.ts'
import { seedOf } from './open-session.ts'
import { targetOf } from './open-upstream.ts'

const START_MS = 25_000

const limits: StdioLimits = {
  startMs: 30_000,
  packageStartMs: 30_000,
  maxStarting: 3,
  writeMs: 2_000,
  stopMs: 500,
  idleMs: 60_000,
  restartMs: 300,
  maxRestartMs: 2_000,
  maxProcesses: 100,
  maxProcessesPerServer: 50,
}

export interface OpenStdio extends AsyncDisposable {
  readonly upstreams: Upstreams
  readonly target: EndpointTarget
  readonly endpoint: UpstreamEndpoint
  readonly state: StdioState | undefined
}

export interface OpenStdioOptions extends Partial<UpstreamsOptions> {
  readonly limits?: Partial<StdioLimits>
  readonly isolation?: EndpointTarget['isolation']
}

/** A target that is a command. */
export const commandTarget = (
  { command, args }: StdioServerCommand,
  isolation?: EndpointTarget['isolation'],
): EndpointTarget => {
  const target = targetOf('http://unused')
  const endpoint = {
    ...target.endpoint,
    id: randomUUID(),
    transport: 'stdio',
    url: undefined,
    command,
    args,
  } as const
  return { ...target, endpoint, isolation }
}

/** A live endpoint that is a command: the scripted server unless another is given. */
export const openStdio = (
  server: StdioServerOptions | StdioServerCommand = {},
  { limits: changed, isolation, ...options }: OpenStdioOptions = {},
): OpenStdio => {
  const pool = new HttpPool({ closeTimeoutMs: 100 })
  const upstreams = new Upstreams({
    pool,
    credentials: noCredentials,
    breaker: { failureThreshold: 3, openMs: 60_000, maxOpenMs: 60_000 },
    connectTimeoutMs: 500,
    maxMessageBytes: 1_048_576,
    stdio: { limits: { ...limits, ...changed }, clientInfo: { name: 'mreg', version: '1' } },
    ...options,
  })
  const target = commandTarget('command' in server ? server : stdioServer(server), isolation)
  return {
    upstreams,
    target,
    endpoint: upstreams.endpoint(target),
    get state() {
      return upstreams.stdioState(target.endpoint.id)
    },
    async [Symbol.asyncDispose]() {
      await upstreams[Symbol.asyncDispose]()
      await pool.close()
    },
  }
}

/** A client of a server: its session, as the gateway keeps it. */
export class Client {
  readonly #session: LegacySession

  private constructor(session: LegacySession) {
    this.#session = session
  }

  static async connect(
    endpoint: UpstreamEndpoint,
    principalId: string,
    capabilities: Readonly<Record<string, unknown>> = {},
  ): Promise<Client> {
    const clientInfo = { name: `client of ${principalId}`, version: '1' }
    const params = { protocolVersion: PROTOCOL_VERSION, capabilities, clientInfo }
    const message = encodeRequest({ id: 0, method: 'initialize', params })
    // A process has to start first, which takes a while on a busy machine.
    const reply = await endpoint.send({ ...initialize, message, principalId, timeoutMs: START_MS })
    const { sessionId } = reply
    await readResponse(reply)
    await endpoint.send({ ...initialized, principalId, sessionId })
    const seed = seedOf({
      id: randomUUID(),
      principalId,
      clientCapabilities: capabilities,
      clientInfo,
      opened: { sessionId },
    })
    return new Client(new LegacySession(seed, endpoint))
  }

  get session(): LegacySession {
    return this.#session
  }

  /** The text that a tool answers with. */
  async call(tool: string, toolArguments: object = {}, timeoutMs = START_MS): Promise<string> {
    const response = await readResponse(await this.#session.send(callOf(tool, toolArguments, { timeoutMs })))
    return textIn(response)
  }

  /** What the process says of itself. */
  async about(): Promise<{ pid: number; initialization: { capabilities: object; clientInfo: object } }> {
    return JSON.parse(await this.call('about'))
  }

  async pid(): Promise<number> {
    return (await this.about()).pid
  }

  end(): Promise<void> {
    return this.#session.end()
  }
}

const textIn = (response: Readonly<Record<string, unknown>>): string => {
  const text = /"type":"text","text":(".*?[^\\]"|"")[,}]/u.exec(JSON.stringify(response['result']))?.[1]
  if (text === undefined) throw new Error(`no text in ${JSON.stringify(response)}`)
  return JSON.parse(text)
}
