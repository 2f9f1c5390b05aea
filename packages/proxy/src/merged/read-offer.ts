import { scanMessage } from '@mreg/mcp-wire'
import {
  type Definition,
  DEFINITION_KINDS,
  DEFINITION_LISTS,
  type DefinitionKind,
  readDefinitions,
} from '@mreg/registry'
import { isJsonObject, type JsonObject, parseJsonObject } from '@mreg/upstream'

import { type Freshness, freshnessIn } from '../fallback/freshness.ts'
import { STALE } from '../fallback/stale-response.ts'
import { type Asking, catalogExchange } from './catalog-exchange.ts'

/** Bounds of what is kept of one server. */
export interface OfferLimits {
  /** Most pages of one list. */
  readonly maxPages: number
  /** Most definitions of one server; more are left out. */
  readonly maxDefinitions: number
  /** Most bytes of the definitions of one server; what goes beyond is left out. */
  readonly maxBytes: number
  /** Deepest nesting of an answer. */
  readonly maxJsonDepth: number
}

export interface ReadOfferOptions extends Asking {
  readonly limits: OfferLimits
}

/** All that a server offers. */
export interface Offer {
  readonly definitions: readonly Definition[]
  /** For how long all of it is good, as the server says, in milliseconds; undefined: it does not say. */
  readonly ttlMs: number | undefined
  /** Whether others than the one who asked may have all of it from who keeps it. */
  readonly isPublic: boolean
}

/** A server did not say what it offers. */
export class OfferError extends Error {
  readonly code = 'ERR_OFFER'
  /** Why, as the gateway says it in `data.reason`; undefined: it does not. */
  readonly reason: string | undefined

  constructor(message: string, reason?: string) {
    super(message)
    this.name = 'OfferError'
    this.reason = reason
  }

  /** Whether `error` is an {@link OfferError}. */
  static is(error: unknown): error is OfferError {
    return error instanceof Error && 'code' in error && error.code === 'ERR_OFFER'
  }
}

/** Which capability offers the things of a kind. */
const CAPABILITY_OF: Readonly<Record<DefinitionKind, string>> = {
  tool: 'tools',
  prompt: 'prompts',
  resource: 'resources',
  resource_template: 'resources',
}
const METHOD_NOT_FOUND = -32_601

/**
 * Asks a server for everything that it offers: all pages of all lists of the kinds that it declares.
 *
 * @throws {OfferError} it did not answer, or with an error.
 */
export const readOffer = async (options: ReadOfferOptions): Promise<Offer> => {
  const discovered = parseJsonObject(await request(options, 'server/discover'))
  const result = resultIn(discovered)
  const capabilities = isJsonObject(result['capabilities']) ? result['capabilities'] : {}
  const definitions: Definition[] = []
  const said: Freshness[] = []
  const { maxBytes, maxDefinitions } = options.limits
  let bytes = 0
  const offer = (): Offer => ({ definitions, ...shortest(said) })
  for (const kind of DEFINITION_KINDS) {
    if (!isJsonObject(capabilities[CAPABILITY_OF[kind]])) continue
    for await (const page of pages(options, kind)) {
      said.push(page.freshness)
      for (const definition of page.definitions) {
        bytes += definition.bytes.length
        if (definitions.length >= maxDefinitions || bytes > maxBytes) return offer()
        definitions.push(definition)
      }
    }
  }
  return offer()
}

/** What is good for as long as each of several things is. */
const shortest = (said: readonly Freshness[]): Pick<Offer, 'ttlMs' | 'isPublic'> => {
  const ttlMs = Math.min(...said.map((each) => each.ttlMs))
  return {
    ttlMs: ttlMs > 0 && Number.isFinite(ttlMs) ? ttlMs : undefined,
    isPublic: said.length > 0 && said.every(({ isPublic }) => isPublic),
  }
}

interface Page {
  readonly definitions: readonly Definition[]
  readonly freshness: Freshness
}

async function* pages(
  options: ReadOfferOptions,
  kind: DefinitionKind,
): AsyncGenerator<Page, void, undefined> {
  const { method } = DEFINITION_LISTS[kind]
  let cursor: string | undefined
  for (let page = 0; page < options.limits.maxPages; page += 1) {
    const message = await request(options, method, cursor === undefined ? {} : { cursor })
    const found = readDefinitions(kind, message, options.limits.maxJsonDepth)
    if (found === undefined) {
      const error = parseJsonObject(message)?.['error']
      // Who declares resources need not have templates.
      if (isJsonObject(error) && error['code'] === METHOD_NOT_FOUND) return
      throw offerError(error)
    }
    yield { definitions: found.definitions, freshness: freshnessOf(message, options.limits.maxJsonDepth) }
    // A server that gives the same cursor again would be asked for ever.
    if (found.nextCursor === undefined || found.nextCursor === cursor) return
    cursor = found.nextCursor
  }
}

const freshnessOf = (message: Uint8Array, maxDepth: number): Freshness => {
  const { resultSpan } = scanMessage(message, { maxDepth, duplicateKeys: 'envelope' })
  return resultSpan === undefined ? { ttlMs: 0, isPublic: false } : freshnessIn(message, resultSpan)
}

const request = async (
  asking: ReadOfferOptions,
  method: string,
  params: JsonObject = {},
): Promise<Uint8Array> => {
  // One message, and nothing on the way to it.
  const answer = await asking.ask(catalogExchange(asking, { method, params, accept: 'application/json' }))
  if (answer.kind === 'complete') {
    refuseStale(answer.body)
    return answer.body
  }
  throw new OfferError('the server answered with a stream')
}

/** An older answer that stands in for the server says that the server is away. */
const refuseStale = (message: Uint8Array): void => {
  if (!Buffer.from(message.buffer, message.byteOffset, message.byteLength).includes(STALE)) return
  const result = parseJsonObject(message)?.['result']
  const meta = isJsonObject(result) ? result['_meta'] : undefined
  const stale = isJsonObject(meta) ? meta[STALE] : undefined
  const reason = isJsonObject(stale) ? stale['reason'] : undefined
  if (typeof reason === 'string') throw new OfferError('the server did not answer', reason)
}

const resultIn = (message: JsonObject | undefined): JsonObject => {
  const result = message?.['result']
  if (isJsonObject(result)) return result
  throw offerError(message?.['error'])
}

const offerError = (error: unknown): OfferError => {
  if (!isJsonObject(error) || typeof error['message'] !== 'string')
    return new OfferError('the server gave no list')
  const { data, message } = error
  const reason = isJsonObject(data) ? data['reason'] : undefined
  return new OfferError(message, typeof reason === 'string' ? reason : undefined)
}
