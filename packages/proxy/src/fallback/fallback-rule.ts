import { findMember, type ScannedMessage } from '@mreg/mcp-wire'

import type { RoutedMessage } from '../routed.ts'

/** What may be kept of the answer to a request, and for how long it may stand in. */
export interface FallbackRule {
  /** How long past its `ttlMs` it may stand in, in milliseconds. */
  readonly maxStaleMs: number
  /** How long it is good in the words of the administrator, in milliseconds; undefined: the server says so itself. */
  readonly ttlMs: number | undefined
  /** Whether it may stand in only when the server has said how long it is good: models read it, and do not read `_meta`. */
  readonly needsTtl: boolean
}

/** What a server is like; only their clients read it. */
const OVERVIEWS: ReadonlySet<string | undefined> = new Set([
  'initialize',
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
])

/** What ends up before a model. */
const READS: ReadonlySet<string | undefined> = new Set(['resources/read', 'prompts/get'])

/** What continues a request that was answered with a question, or makes one that outlives its answer. */
const CONTINUATIONS = ['inputResponses', 'requestState', 'task'] as const

/** Longer parameters are not worth a key. */
const MAX_PARAMS_BYTES = 65_536

/** The rule for a request; undefined: its answers are never kept, and nothing stands in for them. */
export const fallbackRule = (message: RoutedMessage, maxStaleMs: number): FallbackRule | undefined => {
  const { exchange, route, scanned } = message
  if (scanned.kind !== 'request') return undefined
  const { fallback } = route.server.settings
  const rule = ruleFor(scanned, fallback, fallback?.maxStaleMs ?? maxStaleMs)
  return rule === undefined || rule.maxStaleMs === 0 || !isPlain(exchange.body, scanned) ? undefined : rule
}

const ruleFor = (
  { method, name }: ScannedMessage,
  fallback: RoutedMessage['route']['server']['settings']['fallback'],
  maxStaleMs: number,
): FallbackRule | undefined => {
  if (OVERVIEWS.has(method)) return { maxStaleMs, ttlMs: undefined, needsTtl: false }
  if (READS.has(method)) return { maxStaleMs, ttlMs: undefined, needsTtl: fallback?.staleReads !== true }
  if (method !== 'tools/call' || name === undefined) return undefined
  const tools = fallback?.tools
  const ttlMs = tools !== undefined && Object.hasOwn(tools, name) ? tools[name]?.ttlMs : undefined
  return ttlMs === undefined ? undefined : { maxStaleMs, ttlMs, needsTtl: false }
}

const isPlain = (body: Uint8Array, { paramsSpan }: ScannedMessage): boolean => {
  if (paramsSpan === undefined) return true
  if (paramsSpan.end - paramsSpan.start > MAX_PARAMS_BYTES) return false
  return CONTINUATIONS.every((key) => findMember(body, paramsSpan, key) === undefined)
}
