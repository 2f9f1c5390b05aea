/** What the thread of the database is started with. */
export interface EngineOrder {
  /** Where the cluster is; undefined: in memory. */
  readonly directory: string | undefined
  /** The file that the cluster is packed into before it is opened; undefined: none. */
  readonly keepAs: string | undefined
  /** What a new cluster is filled from: the bytes of a tarball, or the path of one. undefined: nothing. */
  readonly fill: Uint8Array | string | undefined
  /** Whether every page of an opened cluster is read and checked. */
  readonly verify: boolean
}

/** What the thread can be asked for. */
export type EngineTask =
  | { readonly kind: 'query'; readonly sql: string; readonly parameters: readonly unknown[] }
  | { readonly kind: 'listen' | 'unlisten'; readonly channel: string }
  /** The whole database as a gzipped tarball, in memory. */
  | { readonly kind: 'dump' }
  /** Copies the cluster as it is now. Nothing else may run meanwhile. */
  | { readonly kind: 'copy'; readonly to: string }
  /** Packs a copy into a file, and removes the copy. Statements run meanwhile. */
  | { readonly kind: 'pack'; readonly from: string; readonly file: string }
  | { readonly kind: 'close' }

/** The number of the reply that says whether the database was opened. */
export const OPENING_ID = 0

/** One task; its number is that of its reply. */
export interface EngineRequest {
  readonly id: number
  readonly task: EngineTask
}

/** What the thread says. `Value`: what the task gives; `never` where it is taken, since only the one who asked knows it. */
export type EngineReply<Value> =
  | { readonly kind: 'done'; readonly id: number; readonly value: Value }
  | { readonly kind: 'failed'; readonly id: number; readonly error: PlainError }
  | { readonly kind: 'notice'; readonly channel: string; readonly payload: string }

/** An error as it crosses threads: structured cloning would lose what makes it one of the database's. */
export interface PlainError {
  readonly message: string
  readonly fields: Readonly<Record<string, string>>
}

/** What the database says about an error, and Node.js about one of the system's. Not the statement and its parameters. */
const FIELDS = [
  'code',
  'severity',
  'detail',
  'hint',
  'position',
  'where',
  'schema',
  'table',
  'column',
  'dataType',
  'constraint',
  'routine',
  'step',
] as const

/** Takes an error apart. */
export const toPlain = (error: unknown): PlainError => {
  if (!(error instanceof Error)) {
    return { message: String(error), fields: {} }
  }
  const fields: Record<string, string> = {}
  for (const name of FIELDS) {
    const value: unknown = Reflect.get(error, name)
    if (typeof value === 'string') {
      fields[name] = value
    }
  }
  return { message: error.message, fields }
}

/** Puts it together again. */
export const toError = ({ message, fields }: PlainError): Error => Object.assign(new Error(message), fields)
