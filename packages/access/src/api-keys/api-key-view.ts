import type { Role } from '@mreg/core'
import type { ApiKeyRecord } from '@mreg/repositories'

/** A key as whoever administers keys sees it. */
export interface ApiKeyView {
  readonly id: string
  readonly name: string
  /** How it begins: enough to recognise one, and of no use to anybody. */
  readonly prefix: string
  readonly principalId: string
  readonly role: Role
  readonly scopes: Readonly<Record<string, unknown>>
  readonly state: 'active' | 'expired' | 'revoked'
  readonly expiresAt?: string
  readonly revokedAt?: string
  /** To within a minute or so. */
  readonly lastUsedAt?: string
  readonly revision: number
  readonly createdAt: string
}

/** A key that was just made. */
export interface IssuedApiKey extends ApiKeyView {
  /** The key itself: shown this once, and kept nowhere. */
  readonly key: string
}

export const apiKeyView = (record: ApiKeyRecord, now: Date): ApiKeyView => {
  const { expiresAt, lastUsedAt, revokedAt } = record
  const isExpired = expiresAt !== undefined && expiresAt <= now
  return {
    id: record.id,
    name: record.name,
    prefix: `mreg_${record.lookupId}_`,
    principalId: record.principalId,
    role: record.role,
    scopes: record.scopes,
    state: revokedAt !== undefined ? 'revoked' : isExpired ? 'expired' : 'active',
    ...(expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString() }),
    ...(revokedAt === undefined ? {} : { revokedAt: revokedAt.toISOString() }),
    ...(lastUsedAt === undefined ? {} : { lastUsedAt: lastUsedAt.toISOString() }),
    revision: record.revision,
    createdAt: record.createdAt.toISOString(),
  }
}
