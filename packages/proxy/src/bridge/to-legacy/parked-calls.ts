import { createHash, randomUUID } from 'node:crypto'

import { type JsonRpcId, listMembers, META, type ScannedMessage } from '@mreg/mcp-wire'
import type { JsonObject } from '@mreg/upstream'

import type { RoutedMessage } from '../../routed.ts'
import type { TokenSealer } from '../../session-token.ts'
import type { ServerCall } from './server-call.ts'

/** A question of a server. */
export interface ServerQuestion {
  /** The id under which the server awaits the answer. */
  readonly id: JsonRpcId
  /** The name under which the client answers. */
  readonly key: string
  /** What the client is asked: method and params. */
  readonly request: JsonObject
}

/** A call that waits for the answer of its client. */
export interface ParkedCall {
  readonly id: string
  readonly call: ServerCall
  readonly questions: readonly ServerQuestion[]
  /** What the client was given, and gives back. */
  readonly requestState: string
}

/** A call that waits in another process. */
export interface CallElsewhere {
  readonly call: string
  readonly process: string
}

export interface ParkedCallsOptions {
  readonly sealer: TokenSealer
  /** What other processes know this one by. */
  readonly process: string
  readonly parkMs: number
  readonly maxParkedPerPrincipal: number
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: (() => number) | undefined
}

/** What a sealed state says. All of it must fit the request that brings it. */
interface ParkedClaims {
  readonly call: string
  readonly process: string
  readonly owner: string
  readonly digest: string
  readonly expiresAt: number
}

const PURPOSE = 'mcp-parked-call'
/** The longest state that is opened; ours are a tenth of that. */
const MAX_STATE_LENGTH = 4096

/** The calls of a process that wait for the answers of their clients. They wait for so long, and so many of one principal. */
export class ParkedCalls {
  readonly #options: ParkedCallsOptions
  readonly #now: () => number
  readonly #parked = new Map<
    string,
    ParkedCall & { readonly message: RoutedMessage; readonly owner: string; readonly timer: NodeJS.Timeout }
  >()
  readonly #counts = new Map<string, number>()

  constructor(options: ParkedCallsOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /** Parks a call until its client answers; undefined when too many of its principal are parked. */
  park(
    message: RoutedMessage,
    call: ServerCall,
    questions: readonly ServerQuestion[],
  ): ParkedCall | undefined {
    const { maxParkedPerPrincipal, parkMs, process, sealer } = this.#options
    const owner = ownerOf(message)
    const count = this.#counts.get(owner) ?? 0
    if (count >= maxParkedPerPrincipal) return undefined
    const id = randomUUID()
    const claims: ParkedClaims = {
      call: id,
      process,
      owner,
      digest: digestOf(message),
      expiresAt: this.#now() + parkMs,
    }
    const sealed = sealer.seal(Buffer.from(JSON.stringify(claims)), PURPOSE)
    const requestState = Buffer.from(sealed).toString('base64url')
    const timer = setTimeout(() => this.#expire(id), parkMs)
    timer.unref()
    const parked = { id, call, questions, requestState, message, owner, timer }
    this.#parked.set(id, parked)
    this.#counts.set(owner, count + 1)
    return parked
  }

  /**
   * The call that a request goes on with. `invalid`: the state was not made for it, or was changed. `gone`: the call has
   * ended meanwhile.
   */
  find(message: RoutedMessage, requestState: unknown): ParkedCall | CallElsewhere | 'invalid' | 'gone' {
    const claims = this.#open(requestState)
    if (claims?.owner !== ownerOf(message) || claims.digest !== digestOf(message)) return 'invalid'
    if (claims.expiresAt <= this.#now()) return 'gone'
    if (claims.process !== this.#options.process) return claims
    return this.#parked.get(claims.call) ?? 'gone'
  }

  /** The request that a call of this process was parked in; undefined: it is not there. */
  messageOf(id: string): RoutedMessage | undefined {
    return this.#parked.get(id)?.message
  }

  /** The client has answered: the call goes on. Gives false when somebody else was faster. */
  release({ id }: ParkedCall): boolean {
    return this.#remove(id) !== undefined
  }

  #remove(id: string): ParkedCall | undefined {
    const parked = this.#parked.get(id)
    if (parked === undefined) return undefined
    clearTimeout(parked.timer)
    this.#parked.delete(id)
    const count = (this.#counts.get(parked.owner) ?? 1) - 1
    if (count === 0) this.#counts.delete(parked.owner)
    else this.#counts.set(parked.owner, count)
    return parked
  }

  #expire(id: string): void {
    const parked = this.#remove(id)
    if (parked === undefined) return
    const { call, questions } = parked
    for (const { id: asked } of questions) void call.refuse(asked, 'The client did not answer in time.')
    call.cancel('the client did not answer in time')
  }

  #open(requestState: unknown): ParkedClaims | undefined {
    if (typeof requestState !== 'string' || requestState.length > MAX_STATE_LENGTH) return undefined
    try {
      const opened = this.#options.sealer.open(Buffer.from(requestState, 'base64url'), PURPOSE)
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- authenticated: `park` wrote it
      return JSON.parse(Buffer.from(opened).toString()) as ParkedClaims
    } catch {
      return undefined
    }
  }
}

const ownerOf = ({ exchange, route }: RoutedMessage): string =>
  [exchange.principal.tenantId, exchange.principal.id, route.server.id].join('\n')

/** What differs between a request and its repetition. */
const VARIABLE: ReadonlySet<string> = new Set(['_meta', 'inputResponses', 'requestState'])

/** The same for a request and its repetition, in whatever order their params are written. */
const digestOf = ({ exchange, scanned }: RoutedMessage): string => {
  const { body } = exchange
  const hash = createHash('sha256').update(scanned.method ?? '')
  const capabilities = scanned.meta?.clientCapabilitiesSpan
  hash.update(META.clientCapabilities)
  if (capabilities !== undefined) hash.update(body.subarray(capabilities.start, capabilities.end))
  for (const { key, valueSpan } of sortedMembers(body, scanned)) {
    hash.update(`\0${key}\0`).update(body.subarray(valueSpan.start, valueSpan.end))
  }
  return hash.digest('base64url')
}

const sortedMembers = (bytes: Uint8Array, { paramsSpan }: ScannedMessage): ReturnType<typeof listMembers> =>
  (paramsSpan === undefined ? [] : listMembers(bytes, paramsSpan))
    .filter(({ key }) => !VARIABLE.has(key))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
