import type { Comparison } from './comparison.ts'
import type { Suite } from './suite.ts'
import type { ServerForm } from './targets.ts'

/** A suite through the gateway to a server that speaks less than everything. */
export interface FormOfServer {
  readonly form: ServerForm
  readonly comparison: Comparison
}

/** All of them, in the order of the page. */
export const OTHER_FORMS: readonly ServerForm[] = [
  'everything, to a key with rules',
  'HTTP, modern',
  'stdio, modern',
  'HTTP, legacy',
  'HTTP, legacy without sessions',
  'HTTP+SSE',
  'stdio, legacy',
]

/** Whether the client of the suite is newer than the server, or asks of it what its form does not have. */
export const isConverted = (form: ServerForm, { arguments: args }: Suite): boolean =>
  form === 'HTTP, legacy without sessions' || (args.includes('2026-07-28') && !SPEAKS_NEWER.has(form))

const SPEAKS_NEWER: ReadonlySet<ServerForm> = new Set(['HTTP, modern', 'everything, to a key with rules'])
