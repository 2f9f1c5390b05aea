import { findMember, META, scanMessage, type ScannedMessage, WireError } from '@mreg/mcp-wire'

import type { UpstreamTransportError } from '../upstream-transport-error.ts'
import { type CallTable, isOwn } from './call-table.ts'
import { failure } from './failure.ts'
import { LENIENT, ownCopy, withValue } from './raw-message.ts'
import type { ServerMessages } from './server-messages.ts'
import { TopLevelId } from './top-level-id.ts'

const OPENING_BRACE = 0x7b

/** Takes each line of a process to where it belongs. Whatever a process may write, it never throws. */
export class Incoming {
  readonly #calls: CallTable
  readonly #serverMessages: ServerMessages
  readonly #maxMessageBytes: number
  #ignoredLines = 0

  constructor(options: {
    readonly calls: CallTable
    readonly serverMessages: ServerMessages
    readonly maxMessageBytes: number
  }) {
    this.#calls = options.calls
    this.#serverMessages = options.serverMessages
    this.#maxMessageBytes = options.maxMessageBytes
  }

  /** How many lines were no message, or none for anyone. */
  get ignoredLines(): number {
    return this.#ignoredLines
  }

  line(line: Uint8Array): void {
    let scanned: ScannedMessage
    try {
      scanned = scanMessage(line, LENIENT)
    } catch (error) {
      return this.#unreadable(line, error)
    }
    if (scanned.kind === 'response') this.#response(line, scanned)
    else if (scanned.kind === 'request') this.#serverMessages.request(line, scanned)
    else this.#notification(line, scanned)
  }

  /** A line that was too long to be kept. */
  oversized(id: number | undefined, lengthBytes: number): void {
    this.#fail(id, tooLarge(this.#maxMessageBytes, lengthBytes))
  }

  /** Not a message. If it seems to answer a call, that call need not wait any longer. */
  #unreadable(line: Uint8Array, error: unknown): void {
    let id: unknown = WireError.is(error) ? error.id : undefined
    if (id === undefined && line[0] === OPENING_BRACE) {
      const finder = new TopLevelId()
      finder.push(line)
      ;({ id } = finder)
    }
    this.#fail(id, failure('not_a_message', 'the answer is not a message of JSON-RPC', { cause: error }))
  }

  #fail(id: unknown, error: UpstreamTransportError): void {
    const call = this.#calls.get(id)
    if (call === undefined) this.#ignoredLines += 1
    else this.#calls.fail(call, error)
  }

  #response(line: Uint8Array, { id, idSpan, resultMetaSpan }: ScannedMessage): void {
    const call = this.#calls.get(id)
    if (call === undefined || idSpan === undefined) {
      this.#ignoredLines += 1
    } else if (isOwn(call)) {
      this.#calls.answer(call, ownCopy(line))
    } else if (line.byteLength > call.maxMessageBytes) {
      this.#calls.fail(call, tooLarge(call.maxMessageBytes, line.byteLength))
    } else {
      const subscription = resultMetaSpan && findMember(line, resultMetaSpan, META.subscriptionId)
      const spans = subscription === undefined ? [idSpan] : [idSpan, subscription]
      this.#calls.answer(call, withValue(line, spans, call.rawCallerId))
    }
  }

  #notification(line: Uint8Array, scanned: ScannedMessage): void {
    const { meta, method, progressToken, progressTokenSpan } = scanned
    if (method === 'notifications/progress') {
      const call = this.#calls.get(progressToken)
      if (call?.rawCallerToken === undefined || progressTokenSpan === undefined) this.#ignoredLines += 1
      else call.messages.push(withValue(line, [progressTokenSpan], call.rawCallerToken), false)
    } else if (meta?.subscriptionIdSpan !== undefined) {
      const call = this.#calls.get(meta.subscriptionId)
      call?.messages.push(withValue(line, [meta.subscriptionIdSpan], call.rawCallerId), false)
    } else {
      this.#serverMessages.notification(line, scanned)
    }
  }
}

const tooLarge = (limitBytes: number, sizeBytes: number): UpstreamTransportError =>
  failure('too_large', `the answer has more than ${limitBytes} bytes`, { excess: { limitBytes, sizeBytes } })
