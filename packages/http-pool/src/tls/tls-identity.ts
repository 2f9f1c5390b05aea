import { createHash } from 'node:crypto'
import * as tls from 'node:tls'

import { ConnectionRefusal } from '../connection-refusal.ts'
import type { EndpointTlsOptions } from './pool-tls-options.ts'
import { trustedAuthorities } from './trusted-authorities.ts'

/** How this side shows itself in handshakes, and whom it trusts; the context is made at first use and used again. */
export class TlsIdentity {
  readonly servername: string | undefined
  readonly #options: EndpointTlsOptions
  #context: tls.SecureContext | undefined

  constructor(options: EndpointTlsOptions) {
    this.#options = options
    this.servername = options.servername
  }

  /**
   * Undefined: the one of Node.js.
   *
   * @throws {ConnectionRefusal} `tls` for a certificate or key that cannot be read.
   */
  context(): tls.SecureContext | undefined {
    const { cert, key, passphrase, minVersion } = this.#options
    if (this.#context !== undefined) return this.#context
    try {
      const given = { ca: trustedAuthorities(this.#options), cert, key, passphrase, minVersion }
      const present = Object.entries(given).filter(([, value]) => value !== undefined)
      if (present.length === 0) return undefined
      this.#context = tls.createSecureContext(Object.fromEntries(present))
      return this.#context
    } catch (cause) {
      throw new ConnectionRefusal('tls', cause)
    }
  }
}

const keys = new WeakMap<EndpointTlsOptions, string>()

/** The same for options that say the same, also in different objects. */
export const tlsKeyOf = (options: EndpointTlsOptions): string => {
  const known = keys.get(options)
  if (known !== undefined) return known
  const { ca, cert, key, passphrase, minVersion, extraCa, systemCa, servername } = options
  const text = JSON.stringify([ca, cert, key, passphrase, minVersion, extraCa, systemCa, servername])
  const digest = createHash('sha256').update(text).digest('base64')
  keys.set(options, digest)
  return digest
}
