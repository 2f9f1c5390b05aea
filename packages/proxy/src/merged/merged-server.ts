import {
  contentUris,
  encodeResult,
  ERROR_CODE,
  findMember,
  META,
  MODERN_VERSIONS,
  prefixUri,
  readValue,
  scanMessage,
  type ScannedMessage,
  spliceMessage,
  splitPrefixedUri,
} from '@mreg/mcp-wire'
import { isJsonObject, type JsonObject } from '@mreg/upstream'

import { eventsOf } from '../answer-turns.ts'
import { type Answer, emptyAnswer, errorAnswer, jsonAnswer, streamAnswer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import { idOf } from '../routed.ts'
import { catalogSubscription } from './catalog-subscription.ts'
import type { Catalogs } from './catalogs.ts'
import { translatedAnswer } from './inner-answer.ts'
import { kindListedBy, listResponse } from './merged-lists.ts'
import { exchangeWithOwner, type OwnerOf, ownerOf } from './owner-request.ts'
import type { TenantCatalog } from './tenant-catalog.ts'

export interface MergedServerOptions {
  readonly catalogs: Catalogs
  /** Answers what one server is asked: `ServerProxy.handle`. */
  readonly ask: (exchange: Exchange) => Promise<Answer>
  readonly serverInfo: { readonly name: string; readonly version: string }
  readonly maxJsonDepth: number
  readonly heartbeatMs: number
  /** How long the first list of a tenant waits for servers that have never been asked, in milliseconds. */
  readonly firstListMs: number
}

const CAPABILITIES: JsonObject = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true },
  completions: {},
}

/**
 * All servers of a tenant as one server of the newer era. Lists come from the catalog; whatever names something goes to
 * whoever owns it, and what comes back speaks of it by the names that clients know.
 */
export class MergedServer {
  readonly #options: MergedServerOptions

  constructor(options: MergedServerOptions) {
    this.#options = options
  }

  /** Answers one message, whose headers have been checked. */
  async respond(exchange: Exchange, scanned: ScannedMessage): Promise<Answer> {
    if (scanned.kind !== 'request') return emptyAnswer(202)
    const id = idOf(scanned) ?? ''
    const { method } = scanned
    if (method === 'server/discover')
      return jsonAnswer(encodeResult({ id, result: discoverResult(this.#options.serverInfo) }))
    const catalog = this.#options.catalogs.of(exchange.principal)
    if (method === 'subscriptions/listen') return this.#subscribe(exchange, scanned)
    await catalog.ready(this.#options.firstListMs)
    const kind = kindListedBy(method)
    if (kind !== undefined) {
      const cursor = cursorIn(exchange.body, scanned)
      const list = cursor === null ? undefined : listResponse(id, kind, catalog.catalog, cursor)
      return list === undefined ? refuse(id, 'The cursor is not one of this list.') : jsonAnswer(list)
    }
    const owner = ownerOf(exchange.body, scanned, catalog.catalog)
    if (owner !== undefined) return this.#askOwner(exchange, owner, catalog)
    return NAMING.has(method ?? '')
      ? refuse(id, `Nothing is known as ${JSON.stringify(scanned.name ?? scanned.uri ?? '')}.`, scanned.uri)
      : errorAnswer(404, { id, code: ERROR_CODE.methodNotFound, message: 'Method not found' })
  }

  async #askOwner(exchange: Exchange, owner: OwnerOf, catalog: TenantCatalog): Promise<Answer> {
    const answer = await this.#options.ask(exchangeWithOwner(exchange, owner))
    return translatedAnswer(answer, (message) => this.#translate(message, owner, catalog))
  }

  /** The resources that a result speaks of, by the URIs under which clients can read them here. */
  #translate(message: Uint8Array, { slug }: OwnerOf, catalog: TenantCatalog): Uint8Array {
    const { resultSpan } = scanMessage(message, {
      maxDepth: this.#options.maxJsonDepth,
      duplicateKeys: 'envelope',
    })
    if (resultSpan === undefined) return message
    const edits = contentUris(message, resultSpan).flatMap((span) => {
      const uri = readValue(message, span)
      if (typeof uri !== 'string') return []
      const exposed = exposedUri(uri, slug, catalog.exposedUri(slug, uri))
      return exposed === uri ? [] : [{ span, replacement: JSON.stringify(exposed) }]
    })
    return spliceMessage(message, edits)
  }

  #subscribe(exchange: Exchange, scanned: ScannedMessage): Answer {
    const { catalogs, heartbeatMs } = this.#options
    const span = scanned.paramsSpan && findMember(exchange.body, scanned.paramsSpan, 'notifications')
    const wanted = span && readValue(exchange.body, span)
    const turns = catalogSubscription({
      id: idOf(scanned) ?? '',
      wanted: isJsonObject(wanted) ? wanted : {},
      listen: (listener) => catalogs.onChange(exchange.principal, listener),
      signal: exchange.signal,
    })
    return streamAnswer(eventsOf(turns, heartbeatMs))
  }
}

/** Methods that name what they are about. */
const NAMING: ReadonlySet<string> = new Set([
  'tools/call',
  'prompts/get',
  'resources/read',
  'completion/complete',
])

const discoverResult = (serverInfo: MergedServerOptions['serverInfo']): JsonObject => ({
  resultType: 'complete',
  supportedVersions: MODERN_VERSIONS,
  capabilities: CAPABILITIES,
  ttlMs: 60_000,
  cacheScope: 'private',
  _meta: { [META.serverInfo]: serverInfo },
})

/**
 * What is in no list may be read all the same, through the server that spoke of it. What anybody can fetch from the web stays
 * what it is, for clients do that themselves.
 */
const exposedUri = (uri: string, slug: string, listed: string | undefined): string => {
  if (listed !== undefined) return listed
  return /^https?:/iu.test(uri) && splitPrefixedUri(uri) === undefined ? uri : prefixUri(slug, uri)
}

/** The cursor of a request; undefined when it has none, null when it is no string. */
const cursorIn = (body: Uint8Array, { paramsSpan }: ScannedMessage): string | null | undefined => {
  const span = paramsSpan && findMember(body, paramsSpan, 'cursor')
  if (span === undefined) return undefined
  const cursor = readValue(body, span)
  return typeof cursor === 'string' ? cursor : null
}

const refuse = (id: string | number, message: string, uri?: string): Answer =>
  errorAnswer(200, {
    id,
    code: ERROR_CODE.invalidParams,
    message,
    ...(uri === undefined ? {} : { data: { uri } }),
  })
