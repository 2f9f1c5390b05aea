import {
  encodeNotification,
  type JsonRpcId,
  META,
  readValue,
  type ScannedMessage,
  type SpliceEdit,
  spliceMessage,
} from '@mreg/mcp-wire'
import { isJsonObject, type JsonObject } from '@mreg/upstream'

import type { Turn } from '../../converse.ts'
import { idOf, type RoutedMessage } from '../../routed.ts'
import { insertMember, messageSpan } from '../edit-message.ts'
import { MessageFeed } from '../message-feed.ts'
import { messageTurn, subscriptionEndTurn } from '../turns.ts'
import type { ServerSession } from './server-session.ts'
import type { ChangeListener } from './server-voice.ts'

/** What a subscription names, the capability that offers it, and what tells of a change. */
const LISTS = [
  ['toolsListChanged', 'tools', 'notifications/tools/list_changed'],
  ['promptsListChanged', 'prompts', 'notifications/prompts/list_changed'],
  ['resourcesListChanged', 'resources', 'notifications/resources/list_changed'],
] as const

/** The most resources that one subscription may name. */
const MAX_RESOURCES = 1000

/** What a client of the newer era hears of a server of the older one, until it goes or the server does. */
export async function* subscription(
  message: RoutedMessage,
  session: ServerSession,
): AsyncGenerator<Turn, void, undefined> {
  const { exchange, scanned } = message
  const id = idOf(scanned) ?? ''
  const feed = new MessageFeed()
  const wanted = new Set<string | undefined>()
  const uris: string[] = []
  const listener: ChangeListener = {
    changed: (bytes, change) => {
      if (isWanted(change, wanted, uris)) feed.push(stamped(bytes, change, id))
    },
    missed: () => {
      for (const [, , method] of LISTS) if (wanted.has(method)) feed.push(change(id, method))
      for (const uri of uris) feed.push(change(id, UPDATED, { uri }))
    },
    ended: () => feed.end(),
  }
  const onGone = (): void => feed.end()
  exchange.signal.addEventListener('abort', onGone)
  try {
    await session.voice.listen(listener)
    const notifications = await honour(message, session, wanted, uris)
    yield messageTurn(change(id, 'notifications/subscriptions/acknowledged', { notifications }))
    for (let next = await feed.next(); next !== undefined; next = await feed.next()) yield messageTurn(next)
    yield subscriptionEndTurn(id)
  } finally {
    exchange.signal.removeEventListener('abort', onGone)
    session.voice.unlisten(listener)
    for (const uri of uris) session.unsubscribe(uri)
  }
}

const UPDATED = 'notifications/resources/updated'

/** Begins what the server offers of what was asked for. Gives that part. */
const honour = async (
  { exchange, scanned }: RoutedMessage,
  session: ServerSession,
  wanted: Set<string | undefined>,
  uris: string[],
): Promise<JsonObject> => {
  const params = scanned.paramsSpan && readValue(exchange.body, scanned.paramsSpan)
  const asked = isJsonObject(params) ? params['notifications'] : undefined
  const { capabilities } = await session.initialized()
  if (!isJsonObject(asked) || !isJsonObject(capabilities) || !session.voice.isOffered) return {}
  const honoured: Record<string, unknown> = {}
  for (const [name, ability, method] of LISTS) {
    if (asked[name] !== true || !offers(capabilities, ability, 'listChanged')) continue
    wanted.add(method)
    honoured[name] = true
  }
  const { resourceSubscriptions } = asked
  if (!Array.isArray(resourceSubscriptions) || !offers(capabilities, 'resources', 'subscribe'))
    return honoured
  const named = new Set(
    resourceSubscriptions.filter((uri) => typeof uri === 'string').slice(0, MAX_RESOURCES),
  )
  for (const uri of named) if (await session.subscribe(uri)) uris.push(uri)
  if (uris.length > 0) honoured['resourceSubscriptions'] = [...uris]
  return honoured
}

const isWanted = (
  { method, uri }: ScannedMessage,
  wanted: ReadonlySet<string | undefined>,
  uris: readonly string[],
): boolean => {
  if (method !== UPDATED || uri === undefined) return wanted.has(method)
  // It may be about something below what was subscribed to.
  return uris.some((own) => uri === own || uri.startsWith(own.endsWith('/') ? own : `${own}/`))
}

const change = (id: JsonRpcId, method: string, params: object = {}): Uint8Array =>
  encodeNotification({ method, params: { _meta: { [META.subscriptionId]: id }, ...params } })

/** A notification with the mark of the subscription. */
const stamped = (bytes: Uint8Array, { meta, paramsSpan }: ScannedMessage, id: JsonRpcId): Uint8Array => {
  const value = JSON.stringify(id)
  const edit = (): SpliceEdit => {
    if (meta !== undefined) return insertMember(bytes, meta.span, META.subscriptionId, value)
    const json = `{${JSON.stringify(META.subscriptionId)}:${value}}`
    if (paramsSpan !== undefined) return insertMember(bytes, paramsSpan, '_meta', json)
    return insertMember(bytes, messageSpan(bytes), 'params', `{"_meta":${json}}`)
  }
  return spliceMessage(bytes, [edit()])
}

const offers = (capabilities: JsonObject, ability: string, what: string): boolean => {
  const offered = capabilities[ability]
  return isJsonObject(offered) && offered[what] === true
}
