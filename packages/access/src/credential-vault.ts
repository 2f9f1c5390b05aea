import { createHmac } from 'node:crypto'

import type { KeyRing, Sealer } from './key-ring.ts'

/** What an endpoint needs to be let in: header values, and environment values of a child. */
export interface EndpointCredentials {
  readonly headers: Readonly<Record<string, string>>
  readonly environment: Readonly<Record<string, string>>
}

/** A secret as it is kept: ciphertext, and which key made it. */
export interface SealedCredentials {
  readonly keyId: string
  readonly ciphertext: Uint8Array
}

/** Whose secret it is; a ciphertext moved to another tenant or another secret does not open. */
export interface CredentialOwner {
  readonly tenantId: string
  readonly secretId: string
}

/** Seals the credentials of endpoints for the secret store and opens them for a call. */
export class CredentialVault {
  readonly #sealer: Sealer
  readonly #fingerprintKey: Buffer

  constructor(keys: KeyRing) {
    this.#sealer = keys.sealer('endpoint-credentials')
    this.#fingerprintKey = keys.derive('request-fingerprint')
  }

  seal(owner: CredentialOwner, credentials: EndpointCredentials): SealedCredentials {
    const ciphertext = this.#sealer.seal(Buffer.from(JSON.stringify(credentials)), belonging(owner))
    return { keyId: this.#sealer.keyId, ciphertext }
  }

  /** Of a text that may hold credentials: HMAC-SHA256 under a key of its own, so that nobody can try out what it was. */
  fingerprint(text: string): string {
    return createHmac('sha256', this.#fingerprintKey).update(text).digest('base64url')
  }

  /** @throws {UnsealError} when it was not sealed for this owner, or with a key that is gone. */
  open(owner: CredentialOwner, ciphertext: Uint8Array): EndpointCredentials {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- authenticated: `seal` wrote it
    return JSON.parse(this.#sealer.open(ciphertext, belonging(owner)).toString()) as EndpointCredentials
  }
}

const belonging = ({ tenantId, secretId }: CredentialOwner): string => `${tenantId}/${secretId}`
