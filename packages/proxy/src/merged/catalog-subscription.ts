import { encodeNotification, encodeResult, type JsonRpcId, META } from '@mreg/mcp-wire'
import type { DefinitionKind } from '@mreg/registry'
import type { JsonObject } from '@mreg/upstream'

import { finalTurn, messageTurn } from '../bridge/turns.ts'
import type { Turn } from '../converse.ts'
import type { CatalogListener } from './catalogs.ts'

/** What a subscription names, the kinds that it is about, and what tells of a change. */
const LISTS: readonly (readonly [string, readonly DefinitionKind[], string])[] = [
  ['toolsListChanged', ['tool'], 'notifications/tools/list_changed'],
  ['promptsListChanged', ['prompt'], 'notifications/prompts/list_changed'],
  ['resourcesListChanged', ['resource', 'resource_template'], 'notifications/resources/list_changed'],
]

/** After a change was told, further ones are told together after so many milliseconds: a server may come and go all the time. */
const QUIET_MS = 5000

export interface CatalogSubscriptionOptions {
  readonly id: JsonRpcId
  /** What the client wants to hear of, as it wrote it. */
  readonly wanted: JsonObject
  readonly listen: (listener: CatalogListener) => () => void
  readonly signal: AbortSignal
}

/** The answer to `subscriptions/listen`: which lists have changed, until the client has gone. */
export async function* catalogSubscription({
  id,
  wanted,
  listen,
  signal,
}: CatalogSubscriptionOptions): AsyncGenerator<Turn, void, undefined> {
  const honoured = LISTS.filter(([name]) => wanted[name] === true)
  const meta = { [META.subscriptionId]: id }
  const tell = (method: string, params: JsonObject = {}): Turn =>
    messageTurn(encodeNotification({ method, params: { ...params, _meta: meta } }))
  const changed = new Set<string>()
  let awake = Promise.withResolvers<void>()
  const leave = listen((kinds) => {
    for (const [, about, method] of honoured) if (about.some((kind) => kinds.has(kind))) changed.add(method)
    awake.resolve()
  })
  const onAbort = (): void => awake.resolve()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const notifications = Object.fromEntries(honoured.map(([name]) => [name, true]))
    yield tell('notifications/subscriptions/acknowledged', { notifications })
    while (!signal.aborted) {
      await awake.promise
      awake = Promise.withResolvers()
      const methods = [...changed]
      changed.clear()
      for (const method of methods) yield tell(method)
      await pause(QUIET_MS, signal)
    }
    yield finalTurn(encodeResult({ id, result: { resultType: 'complete', _meta: meta } }))
  } finally {
    leave()
    signal.removeEventListener('abort', onAbort)
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const over = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', over)
      resolve()
    }
    const timer = setTimeout(over, ms)
    signal.addEventListener('abort', over, { once: true })
  })
