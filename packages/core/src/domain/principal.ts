/** What a principal may do, widest first. */
export type Role = 'admin' | 'operator' | 'user' | 'readonly'

/** Who is asking. Every handler gets one; nothing is answered without one. */
export interface Principal {
  /** Stable and unique in its tenant; goes into audit and session tokens. */
  readonly id: string
  /** The tenant whose objects it sees. */
  readonly tenantId: string
  readonly role: Role
  /** How it was recognised: `local` when `/mcp` is open on loopback, `key` by a key, `token` by one of an identity provider. */
  readonly kind: 'local' | 'key' | 'token'
  /** Of the API key that it came with; undefined: it came with the administrator's key, a token or nothing. */
  readonly keyId?: string | undefined
  /** When the token that it came with is over; undefined: it came with none. */
  readonly expiresAt?: Date | undefined
}

/** The tenant of everything that names no other. */
export const DEFAULT_TENANT = 'default'

/** Who calls `/mcp` when it is open on loopback. */
export const LOCAL_PRINCIPAL: Principal = Object.freeze({
  id: 'local',
  tenantId: DEFAULT_TENANT,
  role: 'user',
  kind: 'local',
})
