import { encodeNotification, type JsonRpcId, META } from '@mreg/mcp-wire'
import type { DefinitionKind } from '@mreg/registry'
import type { JsonObject } from '@mreg/upstream'

import { MessageFeed } from '../bridge/message-feed.ts'
import { messageTurn, subscriptionEndTurn } from '../bridge/turns.ts'
import type { Turn } from '../converse.ts'
import type { CatalogListener } from './catalogs.ts'
import type { Honoured } from './owner-subscription.ts'

/** What a subscription names, the kinds that it is about, and what tells of a change. */
const LISTS: readonly (readonly [string, readonly DefinitionKind[], string])[] = [
  ['toolsListChanged', ['tool'], 'notifications/tools/list_changed'],
  ['promptsListChanged', ['prompt'], 'notifications/prompts/list_changed'],
  ['resourcesListChanged', ['resource', 'resource_template'], 'notifications/resources/list_changed'],
]

export interface CatalogSubscriptionOptions {
  readonly id: JsonRpcId
  /** What the client wants to hear of, as it wrote it. */
  readonly wanted: JsonObject
  readonly listen: (listener: CatalogListener) => () => void
  /** Begins to hear of single resources and tasks, and gives what of them is honoured by each server that has any. */
  readonly subscribe: (
    tell: (message: Uint8Array) => void,
    signal: AbortSignal,
  ) => readonly Promise<Honoured>[]
  /** After a change was told, further ones are told together after so many milliseconds: a server may come and go all the time. */
  readonly quietMs: number
  readonly signal: AbortSignal
}

/**
 * The answer to `subscriptions/listen`, until the client has gone: which lists have changed, by the catalog, and what servers
 * say of single resources and tasks.
 */
export async function* catalogSubscription({
  id,
  wanted,
  listen,
  subscribe,
  quietMs,
  signal,
}: CatalogSubscriptionOptions): AsyncGenerator<Turn, void, undefined> {
  const lists = LISTS.filter(([name]) => wanted[name] === true)
  const meta = { [META.subscriptionId]: id }
  const notification = (method: string, params: JsonObject = {}): Uint8Array =>
    encodeNotification({ method, params: { ...params, _meta: meta } })
  const feed = new MessageFeed()
  const changed = new Set<string>()
  let quiet: NodeJS.Timeout | undefined
  const tellChanged = (): void => {
    for (const method of changed) feed.push(notification(method))
    quiet = changed.size === 0 ? undefined : setTimeout(tellChanged, quietMs)
    changed.clear()
  }
  const leave = listen((kinds) => {
    for (const [, about, method] of lists) if (about.some((kind) => kinds.has(kind))) changed.add(method)
    if (quiet === undefined) tellChanged()
  })
  const over = new AbortController()
  const onAbort = (): void => feed.end()
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    const heard = subscribe((message) => feed.push(message), AbortSignal.any([signal, over.signal]))
    const honoured = await Promise.all(heard)
    const notifications = {
      ...Object.fromEntries(lists.map(([name]) => [name, true])),
      ...topics('resourceSubscriptions', honoured),
      ...topics('taskIds', honoured),
    }
    yield messageTurn(notification('notifications/subscriptions/acknowledged', { notifications }))
    for (let next = await feed.next(); next !== undefined; next = await feed.next()) yield messageTurn(next)
    yield subscriptionEndTurn(id)
  } finally {
    clearTimeout(quiet)
    over.abort()
    leave()
    signal.removeEventListener('abort', onAbort)
  }
}

const topics = (kind: keyof Honoured, honoured: readonly Honoured[]): JsonObject => {
  const named = honoured.flatMap((each) => each[kind])
  return named.length === 0 ? {} : { [kind]: named }
}
