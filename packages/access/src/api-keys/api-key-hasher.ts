import { createHmac, timingSafeEqual } from 'node:crypto'

import type { KeyRing } from '../key-ring.ts'
import type { ApiKeyParts } from './api-key-text.ts'

/**
 * Hashes the secret parts of keys, so that a copy of the database opens nothing. They hold 256 random bits each: one
 * HMAC-SHA256 under a key derived from `MREG_SECRET_KEY` is enough, and costs microseconds.
 */
export class ApiKeyHasher {
  readonly #keys: readonly Buffer[]

  constructor(keys: KeyRing) {
    this.#keys = keys.deriveAll('api-key')
  }

  /** With the newest key. */
  hash(parts: ApiKeyParts): Buffer {
    return digest(this.#keys[0] ?? Buffer.alloc(0), parts)
  }

  /** Whether `hash` is of `parts`, under any of the keys. Takes the same time whether it is or not. */
  matches(parts: ApiKeyParts, hash: Uint8Array): boolean {
    let matches = false
    for (const key of this.#keys) {
      const own = digest(key, parts)
      if (hash.length === own.length && timingSafeEqual(own, hash)) matches = true
    }
    return matches
  }
}

/** The part to find it by is hashed too: a hash that is moved to another key opens nothing. */
const digest = (key: Buffer, { lookupId, secret }: ApiKeyParts): Buffer =>
  createHmac('sha256', key).update(`${lookupId}.${secret}`).digest()
