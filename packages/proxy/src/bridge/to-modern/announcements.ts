import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

import {
  editMembers,
  encodeNotification,
  encodeRequest,
  HEADER,
  META,
  scanMessage,
  type ScannedMeta,
  spliceMessage,
} from '@mreg/mcp-wire'
import { isJsonObject, type JsonObject } from '@mreg/upstream'

import type { Turn } from '../../converse.ts'
import type { Exchange } from '../../exchange.ts'
import type { Relay } from '../../relay.ts'
import { messageTurn } from '../turns.ts'
import type { ClientSession } from './client-session.ts'
import { envelopeMeta, MODERN_VERSION, type ModernEnvelope } from './modern-request.ts'
import type { ModernServer } from './modern-server.ts'

export interface AnnouncementsOptions {
  readonly relay: Relay
  readonly exchange: Exchange
  readonly endpoint: ModernServer
  readonly session: ClientSession
  readonly envelope: ModernEnvelope
  /** The capabilities of the server. */
  readonly capabilities: JsonObject
}

/** What a subscription names, the capability that offers it, and what tells of a change. */
const LISTS = [
  ['toolsListChanged', 'tools', 'notifications/tools/list_changed'],
  ['promptsListChanged', 'prompts', 'notifications/prompts/list_changed'],
  ['resourcesListChanged', 'resources', 'notifications/resources/list_changed'],
] as const

/** How long until the server is asked again when the stream has ended, at first and at most, in milliseconds. */
const REOPEN_MS = { first: 1000, most: 30_000 }

/** Whether a server ever says anything unasked. */
export const isTalkative = (capabilities: JsonObject): boolean =>
  LISTS.some(([, ability]) => offers(capabilities, ability, 'listChanged')) ||
  offers(capabilities, 'resources', 'subscribe')

/**
 * What a server of the newer era says unasked, for the stream on which a client of the older era hears that. It ends when
 * the client has gone, or opens another one.
 */
export async function* announcements(options: AnnouncementsOptions): AsyncGenerator<Turn, void, undefined> {
  const { exchange, session } = options
  const replaced = new AbortController()
  let subscriptions = new AbortController()
  const leave = session.listen(
    () => subscriptions.abort(),
    () => replaced.abort(),
  )
  const ended = AbortSignal.any([exchange.signal, replaced.signal])
  let pauseMs = REOPEN_MS.first
  let mayHaveMissed = false
  try {
    while (!ended.aborted) {
      subscriptions = new AbortController()
      const cut = AbortSignal.any([ended, subscriptions.signal])
      for await (const turn of listen(options, mayHaveMissed, cut)) {
        pauseMs = REOPEN_MS.first
        yield turn
      }
      mayHaveMissed = !subscriptions.signal.aborted
      if (!mayHaveMissed) continue
      await delay(pauseMs * (0.5 + Math.random() / 2), undefined, { signal: cut }).catch(() => {})
      pauseMs = Math.min(pauseMs * 2, REOPEN_MS.most)
    }
  } finally {
    leave()
  }
}

/** Listens once, until the server ends it or `signal` does. */
async function* listen(
  { capabilities, endpoint, envelope, exchange, relay, session }: AnnouncementsOptions,
  mayHaveMissed: boolean,
  signal: AbortSignal,
): AsyncGenerator<Turn, void, undefined> {
  const wanted = wantedOf(capabilities, session)
  if (Object.keys(wanted).length === 0) {
    await aborted(signal)
    return
  }
  const message = encodeRequest({
    id: `mreg-${randomUUID()}`,
    method: 'subscriptions/listen',
    params: { _meta: envelopeMeta(envelope), notifications: wanted },
  })
  try {
    const reply = await endpoint.send({
      message,
      method: 'subscriptions/listen',
      protocolVersion: MODERN_VERSION,
      headers: [[HEADER.method, 'subscriptions/listen']],
      principalId: exchange.principal.id,
      signal,
      timeoutMs: relay.timeouts.toolCallMs,
    })
    if (reply.kind !== 'stream') return
    for await (const event of reply.messages) {
      const { kind, meta, method } = scanMessage(event.message, { maxDepth: relay.maxJsonDepth })
      if (kind !== 'notification') continue
      if (method !== 'notifications/subscriptions/acknowledged')
        yield messageTurn(unstamped(event.message, meta))
      // Nobody knows what was said before the server heard of us again.
      else if (mayHaveMissed) yield* announceAll(wanted)
    }
  } catch (error) {
    if (!signal.aborted) relay.logFailure(exchange, error)
  }
}

const wantedOf = (capabilities: JsonObject, { subscriptions }: ClientSession): JsonObject => ({
  ...Object.fromEntries(
    LISTS.filter(([, ability]) => offers(capabilities, ability, 'listChanged')).map(([name]) => [name, true]),
  ),
  ...(subscriptions.size === 0 ? {} : { resourceSubscriptions: [...subscriptions] }),
})

function* announceAll(wanted: JsonObject): Generator<Turn, void, undefined> {
  for (const [name, , method] of LISTS)
    if (wanted[name] === true) yield messageTurn(encodeNotification({ method }))
  const { resourceSubscriptions } = wanted
  if (!Array.isArray(resourceSubscriptions)) return
  for (const uri of resourceSubscriptions)
    yield messageTurn(encodeNotification({ method: 'notifications/resources/updated', params: { uri } }))
}

/** Without the mark of the subscription, which older clients know nothing of. */
const unstamped = (bytes: Uint8Array, meta: ScannedMeta | undefined): Uint8Array =>
  meta === undefined
    ? bytes
    : spliceMessage(bytes, editMembers(bytes, meta.span, { remove: [META.subscriptionId] }))

const offers = (capabilities: JsonObject, ability: string, what: string): boolean => {
  const offered = capabilities[ability]
  return isJsonObject(offered) && offered[what] === true
}

const aborted = async (signal: AbortSignal): Promise<void> => {
  if (!signal.aborted) await once(signal, 'abort')
}
