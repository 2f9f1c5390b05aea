import type { JsonRpcId } from '@mreg/mcp-wire'

import type { MessageQueue } from './message-queue.ts'
import type { StdioSession } from './stdio-session.ts'

/** A request that the process has been sent and has not answered. */
export interface Call {
  /** Its id, and its progress token, as the process knows them. */
  readonly id: number
  /** Whose it is; undefined for a request that belongs to no session. */
  readonly session: StdioSession | undefined
  /** Whether it is a subscription: what the process says of no call in particular is not about it. Default false. */
  readonly isSubscription?: boolean | undefined
  /** The id that the caller gave it, and the same as it was written. */
  readonly callerId: JsonRpcId
  readonly rawCallerId: Uint8Array
  /** The raw progress token that the caller gave it; undefined when there is none. */
  readonly rawCallerToken: Uint8Array | undefined
  /** What comes back; the answer is the last of it. */
  readonly messages: MessageQueue
  /** Largest message that its caller takes, in bytes. */
  readonly maxMessageBytes: number
}
