import {
  encodeResult,
  ERROR_CODE,
  findMember,
  prefixUri,
  readValue,
  type ScannedMessage,
} from '@mreg/mcp-wire'
import type { CatalogView } from '@mreg/registry'
import { isJsonObject } from '@mreg/upstream'

import { eventsOf } from '../answer-turns.ts'
import { type Answer, emptyAnswer, errorAnswer, jsonAnswer, streamAnswer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import { idOf } from '../routed.ts'
import { catalogSubscription } from './catalog-subscription.ts'
import { type CatalogViews, changedInView } from './catalog-views.ts'
import type { CatalogListener, Catalogs } from './catalogs.ts'
import { discoverResult } from './discover-result.ts'
import { exposedMessage } from './exposed-message.ts'
import { exposedUri, fromTemplate } from './exposed-uri.ts'
import { mergedCapabilities, ownerOfMethod } from './extensions.ts'
import { translatedAnswer } from './inner-answer.ts'
import { loginAnswer, loginAnswered, type LoginUrlFor } from './login-action.ts'
import { cursorIn, kindListedBy, listResponse } from './merged-lists.ts'
import { isNamedAfter, namedIn } from './named-after.ts'
import { exchangeWithOwner, ownerOf } from './owner-request.ts'
import { type Honoured, subscribeToOwner } from './owner-subscription.ts'
import type { PrincipalCatalog } from './principal-catalog.ts'
import { searchedView, SearchTools } from './search-tools.ts'
import type { CapableServer, ServerCapabilities } from './server-capabilities.ts'
import { topicsByOwner } from './subscription-topics.ts'
import { unknownListAnswer, unknownOwnerAnswer } from './unknown-offers.ts'

export interface MergedServerOptions {
  readonly catalogs: Catalogs
  /** What of a catalog the sender of a request is shown. */
  readonly views: CatalogViews
  /** Answers what one server is asked: `ServerProxy.handle`. */
  readonly ask: (exchange: Exchange) => Promise<Answer>
  readonly capabilities: ServerCapabilities
  readonly loginUrlFor: LoginUrlFor
  /** Is told when somebody names what there is, but not for them. */
  readonly onHidden?: ((exchange: Exchange, name: string) => void) | undefined
  readonly serverInfo: { readonly name: string; readonly version: string }
  readonly maxJsonDepth: number
  readonly heartbeatMs: number
  /** How long the first list of a tenant waits for servers that have never been asked, in milliseconds. */
  readonly firstListMs: number
  /** How long what names something of a server that has never been asked waits for that, in milliseconds. */
  readonly firstCallMs: number
  /** After clients were told of a change, further ones are told together after so many milliseconds. */
  readonly quietMs: number
}

/**
 * All servers of a tenant as one server of the newer era. Lists come from the catalog; whatever names something goes to
 * whoever owns it, and what comes back speaks of it by the names that clients know.
 */
export class MergedServer {
  readonly #options: MergedServerOptions
  readonly #search: SearchTools

  constructor(options: MergedServerOptions) {
    this.#options = options
    this.#search = new SearchTools(options.maxJsonDepth)
  }

  /** Answers one message, whose headers have been checked. */
  async respond(exchange: Exchange, scanned: ScannedMessage): Promise<Answer> {
    if (scanned.kind !== 'request') return emptyAnswer(202)
    const id = idOf(scanned) ?? ''
    const { method } = scanned
    const catalog = this.#options.catalogs.of(exchange.principal)
    await this.#ready(exchange, scanned, catalog)
    const view = this.#viewOf(exchange)
    if (method === 'server/discover') {
      const capabilities = mergedCapabilities(this.#capable(exchange, view))
      return jsonAnswer(encodeResult({ id, result: discoverResult(this.#options.serverInfo, capabilities) }))
    }
    if (method === 'subscriptions/listen') return this.#subscribe(exchange, scanned, view)
    const isSearched = exchange.toolMode === 'search'
    const kind = kindListedBy(method)
    if (kind !== undefined) {
      const cursor = cursorIn(exchange.body, scanned)
      const listed = isSearched && kind === 'tool' ? searchedView(view) : view
      const unknown = unknownListAnswer(id, view.servers, exchange.requestId)
      if (unknown !== undefined) return unknown
      const isEverybodys = catalog.isEverybodys && view === catalog.catalog
      const list = cursor === null ? undefined : listResponse(id, kind, listed, cursor, isEverybodys)
      return list === undefined ? refuse(id, 'The cursor is not one of this list.') : jsonAnswer(list)
    }
    if (isSearched && method === 'tools/call') {
      const outcome = this.#search.call(exchange, scanned, view, id)
      if (outcome?.kind === 'answer') return jsonAnswer(outcome.message)
      return outcome === undefined
        ? refuse(id, `Nothing is known as ${JSON.stringify(scanned.name ?? '')}.`)
        : this.#respondAsOwner(outcome.exchange, outcome.scanned, view, catalog)
    }
    return this.#respondAsOwner(exchange, scanned, view, catalog)
  }

  /** Waits for servers that have never been asked, unless it is known already who is to answer. */
  async #ready(exchange: Exchange, scanned: ScannedMessage, catalog: PrincipalCatalog): Promise<void> {
    const { firstCallMs, firstListMs } = this.#options
    const isNaming = NAMING.has(scanned.method ?? '')
    const isKnown = (): boolean => ownerOf(exchange.body, scanned, this.#viewOf(exchange)) !== undefined
    if (isNaming && isKnown()) return
    await catalog.ready(firstListMs)
    const named = isNaming ? namedIn(scanned) : undefined
    if (named !== undefined && !isKnown())
      await catalog.asked((slug) => isNamedAfter(named, slug), firstCallMs)
  }

  /** Answers what goes to whoever owns what it is about. */
  #respondAsOwner(
    exchange: Exchange,
    scanned: ScannedMessage,
    view: CatalogView,
    catalog: PrincipalCatalog,
  ): Promise<Answer> | Answer {
    const id = idOf(scanned) ?? ''
    const { method } = scanned
    const tool = method === 'tools/call' ? view.find('tool', scanned.name ?? '') : undefined
    // A tool that the server calls so may have come in the place of ours.
    if (
      method === 'tools/call' &&
      (tool === undefined || tool.action === 'login' || tool.definition.name === 'login')
    ) {
      const answered = loginAnswered(exchange, scanned)
      if (answered !== undefined) return answered
    }
    if (tool?.action === 'login')
      return loginAnswer(exchange, scanned, tool.server, this.#options.loginUrlFor)
    const owner = ownerOf(exchange.body, scanned, view)
    if (owner !== undefined) return this.#ask(exchangeWithOwner(exchange, owner), scanned, catalog)
    if (NAMING.has(method ?? '')) {
      const named = namedIn(scanned) ?? ''
      if (view !== catalog.catalog && ownerOf(exchange.body, scanned, catalog.catalog) !== undefined)
        this.#options.onHidden?.(exchange, named)
      const unknown = unknownOwnerAnswer(id, named, view.servers, exchange.requestId)
      if (unknown !== undefined) return unknown
      return refuse(id, `Nothing is known as ${JSON.stringify(named)}.`, scanned.uri)
    }
    // Of what it shows nobody knows whether it is in a view that shows but a part.
    const isWhole = view === catalog.catalog
    const slugs = view.servers.map(({ slug }) => slug)
    const slug = isWhole ? ownerOfMethod(method ?? '', slugs, this.#capable(exchange, view)) : undefined
    return slug === undefined
      ? errorAnswer(404, { id, code: ERROR_CODE.methodNotFound, message: 'Method not found' })
      : this.#ask({ ...exchange, slug }, scanned, catalog)
  }

  /** What the servers that are shown are able to do, as far as it is known. */
  #capable({ principal: { tenantId } }: Exchange, { servers }: CatalogView): readonly CapableServer[] {
    return this.#options.capabilities.of(
      tenantId,
      servers.map(({ slug }) => slug),
    )
  }

  /** Asks the server that the exchange is for. */
  async #ask(exchange: Exchange, { method }: ScannedMessage, catalog: PrincipalCatalog): Promise<Answer> {
    const { ask, maxJsonDepth } = this.#options
    const { slug } = exchange
    const names = {
      ofUri: (uri: string) =>
        exposedUri(uri, slug, catalog.exposedUri(slug, uri) ?? fromTemplate(uri, slug, catalog)),
      ofTask: (taskId: string) => prefixUri(slug, taskId),
    }
    const answer = await ask(exchange)
    return translatedAnswer(answer, (message) => exposedMessage(message, { method, maxJsonDepth, names }))
  }

  #viewOf(exchange: Exchange): CatalogView {
    const { catalogs, views } = this.#options
    return views.of(catalogs.of(exchange.principal).catalog, exchange)
  }

  /** Tells of each change of what the sender is shown, and of no other. */
  #onChange(exchange: Exchange, listener: CatalogListener): () => void {
    const { catalogs } = this.#options
    let before = this.#viewOf(exchange)
    return catalogs.onChange(exchange.principal, (kinds) => {
      const view = this.#viewOf(exchange)
      if (view === before) return
      const isWhole = view === catalogs.of(exchange.principal).catalog
      const changed = isWhole ? kinds : changedInView(before, view, kinds)
      before = view
      if (changed.size > 0) listener(changed)
    })
  }

  #subscribe(exchange: Exchange, scanned: ScannedMessage, view: CatalogView): Answer {
    const { ask, catalogs, heartbeatMs, maxJsonDepth, quietMs } = this.#options
    const span = scanned.paramsSpan && findMember(exchange.body, scanned.paramsSpan, 'notifications')
    const given = span && readValue(exchange.body, span)
    const wanted = isJsonObject(given) ? given : {}
    const id = idOf(scanned) ?? ''
    const subscribe = (
      tell: (message: Uint8Array) => void,
      signal: AbortSignal,
    ): readonly Promise<Honoured>[] =>
      span === undefined
        ? []
        : topicsByOwner(wanted, view).map((topics) => {
            const { slug } = topics
            const own = (uri: string): string =>
              exposedUri(uri, slug, catalogs.of(exchange.principal).exposedUri(slug, uri))
            return subscribeToOwner({
              topics,
              exchange,
              span,
              id,
              maxJsonDepth,
              ask,
              exposedUri: own,
              tell,
              signal,
            })
          })
    const turns = catalogSubscription({
      id,
      wanted,
      listen: (listener) => this.#onChange(exchange, listener),
      subscribe,
      quietMs,
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
  'tasks/get',
  'tasks/update',
  'tasks/cancel',
])

const refuse = (id: string | number, message: string, uri?: string): Answer =>
  errorAnswer(200, {
    id,
    code: ERROR_CODE.invalidParams,
    message,
    ...(uri === undefined ? {} : { data: { uri } }),
  })
