import { hash } from 'node:crypto'

/** What is written down of the arguments of a call. */
export type ArgumentsAudit = 'metadata' | 'hash' | 'redacted'

/** Names whose values are nobody's business. */
const SECRET_NAME = /pass|secret|token|credential|authorization|cookie|private|api.?key|access.?key/iu
const MAX_TEXT_LENGTH = 256
const MAX_DEPTH = 6
const MAX_MEMBERS = 50

/** Writes down of arguments what may be written down. */
export class ArgumentsAuditor {
  readonly #mode: ArgumentsAudit
  readonly #key: Uint8Array

  /** @param key for the hashes: without it, nobody finds out by guessing what was hashed. */
  constructor(mode: ArgumentsAudit, key: Uint8Array) {
    this.#mode = mode
    this.#key = key
  }

  /** @param given the arguments as they were sent. */
  of(given: Uint8Array | undefined): Readonly<Record<string, unknown>> {
    if (given === undefined || this.#mode === 'metadata') return {}
    // A keyed hash in one step: an HMAC object costs ten times as much, and half of the digest cannot be gone on from.
    const argumentsHash = hash('sha256', Buffer.concat([this.#key, given]), 'hex').slice(0, 32)
    if (this.#mode === 'hash') return { argumentsHash }
    return { argumentsHash, arguments: redacted(parsed(given), 0) }
  }
}

const parsed = (given: Uint8Array): unknown => {
  try {
    return JSON.parse(Buffer.from(given.buffer, given.byteOffset, given.byteLength).toString())
  } catch {
    return undefined
  }
}

const redacted = (value: unknown, depth: number): unknown => {
  if (typeof value === 'string')
    return value.length > MAX_TEXT_LENGTH
      ? `${value.slice(0, MAX_TEXT_LENGTH)}… (${value.length} characters)`
      : value
  if (typeof value !== 'object' || value === null) return value
  if (depth >= MAX_DEPTH) return '[left out: too deep]'
  if (Array.isArray(value))
    return value.slice(0, MAX_MEMBERS).map((item: unknown) => redacted(item, depth + 1))
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, MAX_MEMBERS)
      .map(([name, member]) => [name, SECRET_NAME.test(name) ? '[redacted]' : redacted(member, depth + 1)]),
  )
}
