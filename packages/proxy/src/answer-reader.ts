import { type JsonRpcId, scanMessage, type ScannedMessage, WireError } from '@mreg/mcp-wire'
import { UpstreamError } from '@mreg/upstream'

/** Reads the messages of the answer to one request, each of them once, whoever looks at it first. */
export class AnswerReader {
  readonly #id: JsonRpcId
  readonly #maxDepth: number
  #message: Uint8Array | undefined
  #scanned: ScannedMessage | undefined

  /** @param options.id of the request. */
  constructor({ id, maxJsonDepth }: { readonly id: JsonRpcId; readonly maxJsonDepth: number }) {
    this.#id = id
    this.#maxDepth = maxJsonDepth
  }

  /** For `EndpointRequest.examine`: whether `message` is the response. @throws {UpstreamError} `not_a_message`. */
  readonly examine = (message: Uint8Array): boolean => this.isAwaited(this.scan(message))

  /** @throws {UpstreamError} `not_a_message`. */
  scan(message: Uint8Array): ScannedMessage {
    if (this.#scanned === undefined || this.#message !== message) {
      this.#scanned = scanReply(message, this.#maxDepth)
      this.#message = message
    }
    return this.#scanned
  }

  isAwaited({ kind, id }: ScannedMessage): boolean {
    return kind === 'response' && id === this.#id
  }
}

const scanReply = (message: Uint8Array, maxDepth: number): ScannedMessage => {
  try {
    return scanMessage(message, { maxDepth })
  } catch (error) {
    if (!WireError.is(error)) throw error
    throw new UpstreamError(
      'not_a_message',
      'the server answered with something that is not a JSON-RPC message',
      { cause: error },
    )
  }
}
