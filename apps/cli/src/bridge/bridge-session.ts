import { encodeHeaderValue, HEADER, mirroredName, type ScannedMessage } from '@mreg/mcp-wire'

import { isJsonObject } from '../json-object.ts'

/** What the bridge must remember of a conversation of the older protocol era, to go on with it elsewhere. */
export class BridgeSession {
  /** What the client opened the conversation with. */
  initialize: Buffer | undefined
  /** What it confirmed the opening with. */
  initialized: Buffer | undefined
  #id: string | undefined
  #protocolVersion: string | undefined

  /** undefined: none is open. */
  get id(): string | undefined {
    return this.#id
  }

  /** Takes over what the gateway answered to `initialize`. */
  open(id: string | undefined, answer: Uint8Array): void {
    this.#id = id
    const message: unknown = JSON.parse(Buffer.from(answer).toString('utf8'))
    const result = isJsonObject(message) ? message['result'] : undefined
    const version = isJsonObject(result) ? result['protocolVersion'] : undefined
    this.#protocolVersion = typeof version === 'string' ? version : undefined
  }

  close(): void {
    this.#id = undefined
  }

  /** The headers that a message needs, in the era that it speaks. */
  headersFor(scanned: ScannedMessage | undefined): Record<string, string> {
    const modern = scanned?.meta?.protocolVersion
    if (scanned !== undefined && modern !== undefined) {
      const name = mirroredName(scanned)
      return {
        [HEADER.protocolVersion]: modern,
        ...(scanned.method === undefined ? {} : { [HEADER.method]: scanned.method }),
        ...(name === undefined ? {} : { [HEADER.name]: encodeHeaderValue(name) }),
      }
    }
    if (scanned?.method === 'initialize') return {}
    return {
      ...(this.#id === undefined ? {} : { [HEADER.sessionId]: this.#id }),
      ...(this.#protocolVersion === undefined ? {} : { [HEADER.protocolVersion]: this.#protocolVersion }),
    }
  }
}
