import type { KeyRing, Sealer } from '../key-ring.ts'
import type { OAuthClient } from './oauth-client.ts'
import type { Tokens } from './tokens.ts'

/** All that is needed to use a grant and to refresh it; sealed as a whole. */
export interface GrantContent {
  /** What the tokens are for; they are sent nowhere else. */
  readonly resource: string
  readonly issuer: string
  readonly tokenEndpoint: string
  readonly client: OAuthClient
  readonly tokens: Tokens
  /** What the login is good for; undefined when that was not kept. */
  readonly scopes?: readonly string[] | undefined
}

/** Whose grant it is; a ciphertext moved to another tenant, server or principal does not open. */
export interface GrantOwner {
  readonly tenantId: string
  readonly serverId: string
  readonly principalId: string
}

/** Seals the tokens of grants for the database and opens them again. */
export class GrantVault {
  readonly #sealer: Sealer

  constructor(keys: KeyRing) {
    this.#sealer = keys.sealer('upstream-grants')
  }

  seal(
    owner: GrantOwner,
    content: GrantContent,
  ): { readonly keyId: string; readonly ciphertext: Uint8Array } {
    const ciphertext = this.#sealer.seal(Buffer.from(JSON.stringify(content)), belonging(owner))
    return { keyId: this.#sealer.keyId, ciphertext }
  }

  /** @throws {UnsealError} when it was not sealed for this owner, or with a key that is gone. */
  open(owner: GrantOwner, ciphertext: Uint8Array): GrantContent {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- authenticated: `seal` wrote it
    return JSON.parse(this.#sealer.open(ciphertext, belonging(owner)).toString()) as GrantContent
  }
}

const belonging = ({ tenantId, serverId, principalId }: GrantOwner): string =>
  `${tenantId}/${serverId}/${principalId}`
