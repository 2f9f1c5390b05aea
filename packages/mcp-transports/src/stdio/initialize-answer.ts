import {
  editMembers,
  findMember,
  isLegacyVersion,
  LEGACY_VERSIONS,
  readValue,
  scanMessage,
  spliceMessage,
} from '@mreg/mcp-wire'

import { LENIENT, withValue } from './raw-message.ts'

/** What a server answered to `initialize`. Every client of the same process gets it as its own answer. */
export class InitializeAnswer {
  readonly #message: Uint8Array
  readonly #version: string

  /** @param message a response with a result. */
  constructor(message: Uint8Array) {
    this.#message = message
    const { resultSpan } = scanMessage(message, LENIENT)
    const version = resultSpan && findMember(message, resultSpan, 'protocolVersion')
    this.#version = String(version === undefined ? LEGACY_VERSIONS[0] : readValue(message, version))
  }

  /** The answer under a client's id. A client that asked for an older version than the server's gets that. */
  answer(rawId: Uint8Array, requestedVersion: unknown): Uint8Array {
    const { idSpan, resultSpan } = scanMessage(this.#message, LENIENT)
    if (idSpan === undefined || resultSpan === undefined) return this.#message
    if (!this.#isOlder(requestedVersion)) return withValue(this.#message, [idSpan], rawId)
    return spliceMessage(this.#message, [
      { span: idSpan, replacement: rawId },
      ...editMembers(this.#message, resultSpan, {
        set: [['protocolVersion', JSON.stringify(requestedVersion)]],
      }),
    ])
  }

  #isOlder(version: unknown): boolean {
    return typeof version === 'string' && isLegacyVersion(version) && version < this.#version
  }
}
