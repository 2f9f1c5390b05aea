import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'

import { ConfigurationError } from '@mreg/core'

const VERSION = 1
const KEY_ID_BYTES = 4
const IV_BYTES = 12
const TAG_BYTES = 16
const HEADER_BYTES = 1 + KEY_ID_BYTES + IV_BYTES + TAG_BYTES

/** What was sealed was changed, belongs to something else, or was sealed with a key that is not known here. */
export class UnsealError extends Error {
  readonly code = 'ERR_UNSEAL'

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'UnsealError'
  }

  /** Whether `error` is an {@link UnsealError}. */
  static is(error: unknown): error is UnsealError {
    return error instanceof Error && 'code' in error && error.code === 'ERR_UNSEAL'
  }
}

interface DerivedKey {
  readonly id: Buffer
  readonly key: Buffer
}

/** Encrypts for one purpose: what another purpose sealed does not open here. */
export interface Sealer {
  /** The identifier of the key that {@link Sealer.seal} uses, for a record beside the ciphertext. */
  readonly keyId: string
  /**
   * Encrypts and authenticates (AES-256-GCM, NIST SP 800-38D, random 96-bit nonce).
   *
   * @param associatedData what the ciphertext belongs to; the same must be given to open it.
   */
  seal(plaintext: Uint8Array, associatedData: string): Buffer
  /** @throws {UnsealError} when it was not sealed here for this purpose and this `associatedData`. */
  open(sealed: Uint8Array, associatedData: string): Buffer
}

/**
 * The keys from which all others are derived. The newest seals; every one of them opens, so that a key
 * can be replaced without losing what the older one sealed.
 */
export class KeyRing {
  readonly #keys: readonly string[]

  /**
   * @param keys master keys, newest first; at least one, none of them empty.
   * @throws {ConfigurationError} `no_secret_key`.
   */
  constructor(keys: readonly string[]) {
    if (keys.length === 0 || keys.includes('')) {
      throw new ConfigurationError(
        'no_secret_key',
        'MREG_SECRET_KEY holds no key, or an empty one; give at least one',
      )
    }
    this.#keys = [...keys]
  }

  /** A key of 32 bytes for `purpose`, from the newest master key (HKDF-SHA256, RFC 5869). */
  derive(purpose: string): Buffer {
    return deriveKey(this.#keys[0] ?? '', purpose)
  }

  /** The same from every master key, newest first: for what must still be recognised that an older one made. */
  deriveAll(purpose: string): readonly Buffer[] {
    return this.#keys.map((master) => deriveKey(master, purpose))
  }

  /** What encrypts for `purpose`. */
  sealer(purpose: string): Sealer {
    const keys = this.#keys.map((master): DerivedKey => ({
      id: createHmac('sha256', master).update('mreg key id').digest().subarray(0, KEY_ID_BYTES),
      key: deriveKey(master, purpose),
    }))
    const [newest] = keys
    if (newest === undefined) throw new UnsealError('the key ring is empty')
    return {
      keyId: newest.id.toString('hex'),
      seal: (plaintext, associatedData) => seal(newest, plaintext, associatedData),
      open: (sealed, associatedData) => open(keys, sealed, associatedData),
    }
  }
}

const deriveKey = (master: string, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', master, 'mreg', purpose, 32))

const seal = ({ id, key }: DerivedKey, plaintext: Uint8Array, associatedData: string): Buffer => {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(associatedData))
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return Buffer.concat([Buffer.of(VERSION), id, iv, cipher.getAuthTag(), ciphertext])
}

const open = (keys: readonly DerivedKey[], sealed: Uint8Array, associatedData: string): Buffer => {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
  if (bytes.length < HEADER_BYTES || bytes[0] !== VERSION) throw new UnsealError('not a sealed value')
  const id = bytes.subarray(1, 1 + KEY_ID_BYTES)
  const key = keys.find((candidate) => candidate.id.equals(id))?.key
  if (key === undefined) {
    throw new UnsealError(`sealed with key ${id.toString('hex')}, which is not among MREG_SECRET_KEY`)
  }
  const iv = bytes.subarray(1 + KEY_ID_BYTES, 1 + KEY_ID_BYTES + IV_BYTES)
  const tag = bytes.subarray(1 + KEY_ID_BYTES + IV_BYTES, HEADER_BYTES)
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES })
      .setAAD(Buffer.from(associatedData))
      .setAuthTag(tag)
    return Buffer.concat([decipher.update(bytes.subarray(HEADER_BYTES)), decipher.final()])
  } catch (error) {
    throw new UnsealError('changed, or sealed for something else', { cause: error })
  }
}
