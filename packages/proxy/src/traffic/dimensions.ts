/** What a request was about. */
export const METHOD_CLASSES = ['call', 'list', 'read', 'discover', 'other'] as const
export type MethodClass = (typeof METHOD_CLASSES)[number]

/**
 * How a request ended: with a result, with an error of its server, with a failure of the way there, with an older answer in its
 * place, or cancelled by an administrator.
 */
export const OUTCOMES = ['result', 'error', 'failure', 'stale', 'cancelled'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** The protocol era of the client. */
export const ERAS = ['legacy', 'modern'] as const

const CLASS_OF: ReadonlyMap<string | undefined, MethodClass> = new Map([
  ['tools/call', 'call'],
  ['tools/list', 'list'],
  ['prompts/list', 'list'],
  ['resources/list', 'list'],
  ['resources/templates/list', 'list'],
  ['resources/read', 'read'],
  ['prompts/get', 'read'],
  ['initialize', 'discover'],
  ['server/discover', 'discover'],
])

export const methodClassOf = (method: string | undefined): MethodClass => CLASS_OF.get(method) ?? 'other'

/** Upper bounds of the classes of durations, in milliseconds; what takes longer is in one more. */
export const DURATION_BOUNDS_MS: readonly number[] = [
  5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000,
]
