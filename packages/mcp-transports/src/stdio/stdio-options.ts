import type { ChildGuard } from './child-guard.ts'
import type { StdioClient } from './handshake.ts'
import type { StdioCommand } from './stdio-process.ts'

/** The protocol era that a server speaks. */
export type StdioEra = 'legacy' | 'modern'

export interface StdioTransportOptions {
  readonly command: StdioCommand
  /** The era to speak. undefined: the process is asked; use it for that alone, for some servers do not survive the question. */
  readonly era?: StdioEra | undefined
  /** Who makes itself known to the server when it starts. A session may offer the server no more than its capabilities. */
  readonly client: StdioClient
  /**
   * Whether the sessions belong to different principals. Then what could be about another one's call is not passed on.
   * Default false.
   */
  readonly isShared?: boolean | undefined
  /** Default: one of its own. */
  readonly guard?: ChildGuard | undefined
  /** Until the server has answered for the first time, in milliseconds. Default 30 000. */
  readonly startTimeoutMs?: number | undefined
  /** How long the process may leave a message unread, in milliseconds. Default 10 000. */
  readonly writeTimeoutMs?: number | undefined
  /** Between TERM and KILL, in milliseconds. Default 2 000. */
  readonly stopGraceMs?: number | undefined
  /** Longest line, which is one message, in bytes. Default 32 MiB. */
  readonly maxMessageBytes?: number | undefined
  /** Sessions at once; the one that was used longest ago goes first. Default 1 000. */
  readonly maxSessions?: number | undefined
  /** Values that are blotted out of what the process writes to its standard error. */
  readonly secrets?: readonly string[] | undefined
  /** Called when the process has written to its standard error. */
  readonly onErrorOutput?: (() => void) | undefined
}

export const DEFAULTS = {
  startTimeoutMs: 30_000,
  writeTimeoutMs: 10_000,
  stopGraceMs: 2_000,
  maxMessageBytes: 33_554_432,
  maxSessions: 1_000,
} as const
