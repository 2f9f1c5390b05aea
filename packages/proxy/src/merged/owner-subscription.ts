import { setTimeout as delay } from 'node:timers/promises'

import {
  encodeNotification,
  findMember,
  type JsonRpcId,
  META,
  readValue,
  scanMessage,
  type ScannedMessage,
  type Span,
  spliceMessage,
} from '@mreg/mcp-wire'
import { isJsonObject, type JsonObject } from '@mreg/upstream'

import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import { messagesIn } from './inner-answer.ts'

/** Of what of one server a client wants to hear: names of the server's own, and what clients call them. */
export interface OwnerTopics {
  readonly slug: string
  /** Its resources. */
  readonly resourceSubscriptions: ReadonlyMap<string, string>
  /** Its tasks. */
  readonly taskIds: ReadonlyMap<string, string>
}

export interface OwnerSubscriptionOptions {
  readonly topics: OwnerTopics
  /** The client's request, and where in its body it says of what it wants to hear. */
  readonly exchange: Exchange
  readonly span: Span
  readonly id: JsonRpcId
  readonly maxJsonDepth: number
  /** Sends a request to one server. */
  readonly ask: (exchange: Exchange) => Promise<Answer>
  /** What clients call a URI of the server. */
  readonly exposedUri: (uri: string) => string
  /** Gets what the client is to hear. */
  readonly tell: (message: Uint8Array) => void
  readonly signal: AbortSignal
}

/** What a server honours of a subscription, as the client has named it. */
export type Honoured = Readonly<Record<'resourceSubscriptions' | 'taskIds', readonly string[]>>

const NOTHING: Honoured = { resourceSubscriptions: [], taskIds: [] }
const UPDATED = 'notifications/resources/updated'

/** How long until a server whose stream has ended is asked again, at first and at most, in milliseconds. */
const REOPEN_MS = { first: 1000, most: 30_000 }
/** How long a server has to say what it honours, in milliseconds: others wait for it. */
const ACKNOWLEDGE_MS = 2000

/**
 * Hears of one server's resources and tasks on behalf of a client, until `signal` is aborted: a stream that ends is opened
 * again. Gives what the server honours once it has said so; nothing when it does not in time, or refuses.
 */
export const subscribeToOwner = async (options: OwnerSubscriptionOptions): Promise<Honoured> => {
  const { promise, resolve } = Promise.withResolvers<Honoured>()
  const timer = setTimeout(resolve, ACKNOWLEDGE_MS, NOTHING)
  void listen(options, resolve).finally(() => resolve(NOTHING))
  try {
    return await promise
  } finally {
    clearTimeout(timer)
  }
}

const listen = async (
  options: OwnerSubscriptionOptions,
  onAcknowledged: (honoured: Honoured) => void,
): Promise<void> => {
  const { id, maxJsonDepth, signal, tell, topics } = options
  let isAgain = false
  for (let pauseMs = REOPEN_MS.first; !signal.aborted; pauseMs = Math.min(pauseMs * 2, REOPEN_MS.most)) {
    try {
      const answer = await options.ask(requestTo(options))
      // It does not offer that.
      if (answer.kind !== 'stream' && !isAgain) return
      if (answer.kind === 'stream')
        for await (const { message } of messagesIn(answer)) {
          const scanned = scanMessage(message, { maxDepth: maxJsonDepth })
          if (scanned.method !== 'notifications/subscriptions/acknowledged') hear(options, message, scanned)
          else {
            // Nobody knows what was said before the server heard of us again.
            if (isAgain) for (const uri of topics.resourceSubscriptions.values()) tell(updated(id, uri))
            else onAcknowledged(honouredIn(message, scanned, topics))
            isAgain = true
            pauseMs = REOPEN_MS.first
          }
        }
    } catch {
      // As when it ends.
    }
    await delay(pauseMs * (0.5 + Math.random() / 2), undefined, { signal, ref: false }).catch(() => {})
  }
}

/** The client's own request, with what concerns that server. */
const requestTo = ({ exchange, signal, span, topics }: OwnerSubscriptionOptions): Exchange => {
  const { resourceSubscriptions, slug, taskIds } = topics
  const notifications = {
    ...(resourceSubscriptions.size === 0 ? {} : { resourceSubscriptions: [...resourceSubscriptions.keys()] }),
    ...(taskIds.size === 0 ? {} : { taskIds: [...taskIds.keys()] }),
  }
  const body = spliceMessage(exchange.body, [{ span, replacement: JSON.stringify(notifications) }])
  return { ...exchange, slug, body, signal }
}

/** Passes on what is about resources and tasks. Lists are the catalog's. */
const hear = (
  { exposedUri, tell, topics }: OwnerSubscriptionOptions,
  message: Uint8Array,
  { method, taskId, taskIdSpan, uri, uriSpan }: ScannedMessage,
): void => {
  if (method === UPDATED && uri !== undefined && uriSpan !== undefined) {
    const named = topics.resourceSubscriptions.get(uri) ?? exposedUri(uri)
    tell(spliceMessage(message, [{ span: uriSpan, replacement: JSON.stringify(named) }]))
  }
  const named = taskId === undefined ? undefined : topics.taskIds.get(taskId)
  if (method?.startsWith('notifications/tasks') === true && named !== undefined && taskIdSpan !== undefined)
    tell(spliceMessage(message, [{ span: taskIdSpan, replacement: JSON.stringify(named) }]))
}

const honouredIn = (message: Uint8Array, { paramsSpan }: ScannedMessage, topics: OwnerTopics): Honoured => {
  const span = paramsSpan && findMember(message, paramsSpan, 'notifications')
  const said = span && readValue(message, span)
  const honoured: JsonObject = isJsonObject(said) ? said : {}
  const named = (kind: 'resourceSubscriptions' | 'taskIds'): readonly string[] => {
    const own = honoured[kind]
    return Array.isArray(own) ? own.flatMap((each: string) => topics[kind].get(each) ?? []) : []
  }
  return { resourceSubscriptions: named('resourceSubscriptions'), taskIds: named('taskIds') }
}

const updated = (id: JsonRpcId, uri: string): Uint8Array =>
  encodeNotification({ method: UPDATED, params: { uri, _meta: { [META.subscriptionId]: id } } })
