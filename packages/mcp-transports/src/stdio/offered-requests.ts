import { randomBytes } from 'node:crypto'

import { ERROR_CODE } from '@mreg/mcp-wire'

import type { ProcessInput } from './call-table.ts'
import type { Call } from './call.ts'
import { errorResponse } from './raw-message.ts'
import type { StdioSession } from './stdio-session.ts'

/** A request of the process that a client has been asked to answer. */
export interface OfferedRequest {
  /** The id under which the client knows it. */
  readonly publicId: string
  /** The raw id that the process gave it. */
  readonly rawId: Uint8Array
  readonly session: StdioSession
  /** The call on whose stream it went; undefined when it went where the client listens. */
  readonly call: Call | undefined
}

/** The most that may be unanswered; then the oldest goes. */
const MAX_OFFERED = 256

/**
 * The requests of one process that clients have been asked to answer. Clients know them by ids that no other process, and no
 * later one of the same server, uses.
 */
export class OfferedRequests {
  readonly #input: ProcessInput
  readonly #prefix = `mreg-${randomBytes(6).toString('hex')}`
  readonly #offered = new Map<string, OfferedRequest>()
  #last = 0

  constructor(input: ProcessInput) {
    this.#input = input
  }

  add(request: Omit<OfferedRequest, 'publicId'>): OfferedRequest {
    const [oldest] = this.#offered.values()
    if (this.#offered.size >= MAX_OFFERED) this.withdraw((offered) => offered === oldest)
    this.#last += 1
    const offered = { ...request, publicId: `${this.#prefix}-${this.#last}` }
    this.#offered.set(offered.publicId, offered)
    return offered
  }

  /** Takes the one out that `session` was asked under that id. */
  take(session: StdioSession | undefined, publicId: unknown): OfferedRequest | undefined {
    const offered = typeof publicId === 'string' ? this.#offered.get(publicId) : undefined
    if (offered === undefined || offered.session !== session) return undefined
    this.#offered.delete(offered.publicId)
    return offered
  }

  /** Takes the one out that the process knows by that raw id. */
  takeByRawId(rawId: Uint8Array): OfferedRequest | undefined {
    for (const offered of this.#offered.values()) {
      if (Buffer.compare(offered.rawId, rawId) !== 0) continue
      this.#offered.delete(offered.publicId)
      return offered
    }
    return undefined
  }

  /** Answers all to which `condition` applies with an error, so that the process does not wait for a client that is gone. */
  withdraw(condition: (offered: OfferedRequest) => boolean): void {
    for (const offered of [...this.#offered.values()].filter(condition)) {
      this.#offered.delete(offered.publicId)
      this.#input.tell(
        errorResponse(offered.rawId, ERROR_CODE.internal, 'The client that was asked does not answer.'),
      )
    }
  }
}
