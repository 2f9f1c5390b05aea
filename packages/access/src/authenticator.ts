import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

import { DEFAULT_TENANT, LOCAL_PRINCIPAL, type Principal, UnauthenticatedError } from '@mreg/core'

/** Which door a request came through. */
export type Door = 'api' | 'mcp'

export interface AuthenticatorOptions {
  readonly adminKey: string
  /** About `/mcp` only: `none` lets everyone in as `local`; `/api` always needs a key. */
  readonly mode: 'none' | 'required'
}

const ADMINISTRATOR: Principal = Object.freeze({
  id: 'admin',
  tenantId: DEFAULT_TENANT,
  role: 'admin',
  kind: 'key',
})

/** Says who is asking. */
export class Authenticator {
  readonly #salt = randomBytes(32)
  readonly #adminDigest: Buffer
  readonly #mode: 'none' | 'required'

  constructor(options: AuthenticatorOptions) {
    this.#adminDigest = this.#digest(options.adminKey)
    this.#mode = options.mode
  }

  /**
   * @param authorization the value of the `Authorization` header; undefined when there is none.
   * @throws {UnauthenticatedError} `key_missing` or `key_invalid`.
   */
  authenticate(door: Door, authorization: string | undefined): Principal {
    if (authorization === undefined) {
      if (door === 'mcp' && this.#mode === 'none') return LOCAL_PRINCIPAL
      throw new UnauthenticatedError('key_missing', 'send a key as "Authorization: Bearer …"')
    }
    const token = /^Bearer +([\w.~+/=-]+) *$/iu.exec(authorization)?.[1]
    if (token !== undefined && timingSafeEqual(this.#digest(token), this.#adminDigest)) return ADMINISTRATOR
    // A client may carry a token that is meant for something else; where no key is needed it does no harm.
    if (door === 'mcp' && this.#mode === 'none') return LOCAL_PRINCIPAL
    throw new UnauthenticatedError('key_invalid', 'the key is not known here')
  }

  /** Keys are compared as digests under a random key, so that the comparison takes the same time for all. */
  #digest(key: string): Buffer {
    return createHmac('sha256', this.#salt).update(key).digest()
  }
}
