/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>

/** What a server can ask its client in the middle of a call. */
export interface ClientQuestion {
  readonly method: 'elicitation/create' | 'sampling/createMessage' | 'roots/list'
  readonly params: Json
}

/** Which list of the server has changed, or which resource. */
export type Announcement =
  | { readonly kind: 'tools' | 'prompts' | 'resources' }
  | { readonly kind: 'updated'; readonly uri: string }

/** One request under way, as the features see it: the same in both eras. */
export interface FeatureContext {
  readonly era: 'legacy' | 'modern'
  /** Aborted when the client has cancelled. */
  readonly signal: AbortSignal
  /** What the client declared: at initialize, or with this very request. */
  readonly clientCapabilities: Json
  /** The resources that this session has subscribed to. Not kept in the modern era. */
  readonly subscriptions: Set<string>
  /** Tells the progress, if the client gave a token for it. */
  readonly progress: (progress: number, total: number) => Promise<void>
  /** Writes to the client's log, if it wants that level. */
  readonly log: (level: LogLevel, data: unknown) => Promise<void>
  /**
   * Asks the client and gives its answers by key. In the legacy era these are requests on the stream of the call; in the
   * modern era the call ends here and the client sends it again with the answers.
   */
  readonly ask: (
    questions: Readonly<Record<string, ClientQuestion>>,
  ) => Promise<Readonly<Record<string, Json>>>
  /** Sends a notification on the stream of this call. */
  readonly notify: (method: string, params: Json) => Promise<void>
  /** Tells every client that asked for it. */
  readonly announce: (announcement: Announcement) => void
  /** Ends the stream of this call before its answer; the client must resume it. Undefined where that is impossible. */
  readonly closeStream: (() => void) | undefined
}

/** A tool: what lists show of it, and what it does. */
export interface FeatureTool {
  readonly definition: Json & { readonly name: string }
  /** The only era in which it is offered. Default: both. */
  readonly era?: 'legacy' | 'modern' | undefined
  call(input: Json, context: FeatureContext): Promise<Json> | Json
}

export const LOG_LEVELS = [
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

/** An error that goes to the client with its code and data as they are. */
export class FeatureError extends Error {
  readonly code: number
  readonly data: Json | undefined

  constructor(code: number, message: string, data?: Json) {
    super(message)
    this.name = 'FeatureError'
    this.code = code
    this.data = data
  }
}

export const INVALID_PARAMS = -32_602
export const MISSING_CAPABILITY = -32_021

export const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** One block of text as the result of a tool. */
export const text = (value: string): Json => ({ content: [{ type: 'text', text: value }] })

/** A tool without arguments. */
export const tool = (
  name: string,
  description: string,
  call: FeatureTool['call'],
  properties: Json = {},
  required: readonly string[] = [],
): FeatureTool => ({
  definition: {
    name,
    description,
    inputSchema: { type: 'object', properties, ...(required.length === 0 ? {} : { required }) },
  },
  call,
})
