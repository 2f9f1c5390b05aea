import { ConflictError, NotFoundError, parseInput, type Principal, requireRole } from '@mreg/core'
import type { DatabasePool } from '@mreg/db-pool'
import { type ApiKeyRecord, ApiKeyRepository, newEntityId, type RegistryDatabase } from '@mreg/repositories'

import type { ApiKeyHasher } from './api-key-hasher.ts'
import {
  type ApiKeyChange,
  type ApiKeyInput,
  apiKeyInputSchema,
  apiKeyPatchSchema,
  type ApiKeyRotation,
  apiKeyRotationSchema,
} from './api-key-input.ts'
import { formatApiKey, newApiKeyParts } from './api-key-text.ts'
import { type ApiKeyView, apiKeyView, type IssuedApiKey } from './api-key-view.ts'

export interface ApiKeysOptions {
  readonly database: DatabasePool<RegistryDatabase>
  readonly hasher: ApiKeyHasher
  /** Takes over here what was changed, so that it counts as soon as the change has been answered. */
  readonly catchUp: () => Promise<void>
  /** The most keys that a tenant may have, revoked ones included. */
  readonly maxKeysPerTenant: number
  /** The time now. Default the time of day. */
  readonly now?: (() => Date) | undefined
}

/** The keys of a tenant, for its administrators. */
export class ApiKeys {
  readonly #options: ApiKeysOptions
  readonly #now: () => Date

  constructor(options: ApiKeysOptions) {
    this.#options = options
    this.#now = options.now ?? (() => new Date())
  }

  /**
   * Makes a key. It is in the answer, this once.
   *
   * @throws {ForbiddenError} `role_too_low`.
   * @throws {ValidationError} the input is wrong.
   * @throws {ConflictError} `too_many_api_keys`.
   */
  async create(principal: Principal, input: ApiKeyInput): Promise<IssuedApiKey> {
    requireRole(principal, 'admin')
    const { expiresAt, ...fields } = parseInput(apiKeyInputSchema, input)
    return this.#write(principal, (keys) =>
      this.#issue(keys, {
        ...fields,
        expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt),
      }),
    )
  }

  /**
   * A page of the keys, oldest first.
   *
   * @throws {ForbiddenError} `role_too_low`.
   * @throws {ValidationError} `limit` or `cursor` is not good.
   */
  async list(
    principal: Principal,
    page: { readonly limit: number; readonly cursor?: string | undefined },
  ): Promise<{ readonly items: ApiKeyView[]; readonly nextCursor?: string }> {
    requireRole(principal, 'admin')
    const { items, nextCursor } = await this.#session(principal, (keys) => keys.list(page))
    const views = items.map((record) => apiKeyView(record, this.#now()))
    return nextCursor === undefined ? { items: views } : { items: views, nextCursor }
  }

  /** @throws {NotFoundError} `api_key_not_found`. */
  async get(principal: Principal, id: string): Promise<ApiKeyView> {
    requireRole(principal, 'admin')
    return apiKeyView(await this.#session(principal, (keys) => find(keys, id)), this.#now())
  }

  /**
   * Changes what a key may do, from now on.
   *
   * @throws {NotFoundError} `api_key_not_found`.
   * @throws {ConflictError} `api_key_revoked`.
   */
  async update(principal: Principal, id: string, change: ApiKeyChange): Promise<ApiKeyView> {
    requireRole(principal, 'admin')
    const { expiresAt, ...patch } = parseInput(apiKeyPatchSchema, change)
    const record = await this.#write(principal, async (keys) => {
      requireUsable(await find(keys, id))
      return keys.update(id, {
        ...patch,
        ...(expiresAt === undefined ? {} : { expiresAt: expiresAt === null ? null : new Date(expiresAt) }),
      })
    })
    return apiKeyView(record, this.#now())
  }

  /**
   * Makes a key that may do the same, and ends the old one after a time of grace.
   *
   * @throws {NotFoundError} `api_key_not_found`.
   * @throws {ConflictError} `api_key_revoked` or `too_many_api_keys`.
   */
  async rotate(principal: Principal, id: string, rotation: ApiKeyRotation = {}): Promise<IssuedApiKey> {
    requireRole(principal, 'admin')
    const { graceMs } = parseInput(apiKeyRotationSchema, rotation)
    return this.#write(principal, async (keys) => {
      const old = await find(keys, id)
      requireUsable(old)
      const end = new Date(this.#now().getTime() + graceMs)
      const isSooner = old.expiresAt === undefined || end < old.expiresAt
      if (graceMs === 0) await keys.update(id, { revoked: true })
      else if (isSooner) await keys.update(id, { expiresAt: end })
      const { expiresAt, name, principalId, role, scopes } = old
      return this.#issue(keys, { name, principalId, role, scopes, expiresAt })
    })
  }

  /**
   * Ends a key for good. It stays in the list, so that what it did can be told later. Ending one that has ended changes
   * nothing.
   *
   * @throws {NotFoundError} `api_key_not_found`.
   */
  async revoke(principal: Principal, id: string): Promise<ApiKeyView> {
    requireRole(principal, 'admin')
    const record = await this.#write(principal, async (keys) => {
      const key = await find(keys, id)
      return key.revokedAt === undefined ? keys.update(id, { revoked: true }) : key
    })
    return apiKeyView(record, this.#now())
  }

  /**
   * Ends a key and forgets it.
   *
   * @throws {NotFoundError} `api_key_not_found`.
   */
  async remove(principal: Principal, id: string): Promise<void> {
    requireRole(principal, 'admin')
    await this.#write(principal, async (keys) => {
      await find(keys, id)
      await keys.delete(id)
    })
  }

  async #issue(
    keys: ApiKeyRepository,
    {
      principalId,
      ...fields
    }: Pick<ApiKeyRecord, 'name' | 'role' | 'scopes' | 'expiresAt'> & {
      readonly principalId?: string | undefined
    },
  ): Promise<IssuedApiKey> {
    const parts = newApiKeyParts()
    const id = newEntityId()
    const record = await keys.create({
      ...fields,
      id,
      lookupId: parts.lookupId,
      hash: this.#options.hasher.hash(parts),
      principalId: principalId ?? `key:${id}`,
    })
    await this.#requireRoom(keys)
    return { key: formatApiKey(parts), ...apiKeyView(record, this.#now()) }
  }

  /** Counted after the new one is there: the tenant is locked by then, so that nobody counts at the same time. */
  async #requireRoom(keys: ApiKeyRepository): Promise<void> {
    const { maxKeysPerTenant } = this.#options
    if ((await keys.count()) <= maxKeysPerTenant) return
    throw new ConflictError(
      'too_many_api_keys',
      `the tenant has ${maxKeysPerTenant} keys, as many as limits.maxApiKeysPerTenant allows: delete some`,
    )
  }

  async #write<Result>(
    principal: Principal,
    work: (keys: ApiKeyRepository) => Promise<Result>,
  ): Promise<Result> {
    const result = await this.#session(principal, work)
    await this.#options.catchUp()
    return result
  }

  #session<Result>(
    { tenantId }: Principal,
    work: (keys: ApiKeyRepository) => Promise<Result>,
  ): Promise<Result> {
    return this.#options.database.tenantSession(tenantId, (session) => work(new ApiKeyRepository(session)))
  }
}

const find = async (keys: ApiKeyRepository, id: string): Promise<ApiKeyRecord> => {
  const key = await keys.getById(id)
  if (key !== undefined) return key
  throw new NotFoundError('api_key_not_found', `there is no API key ${JSON.stringify(id)}`)
}

const requireUsable = ({ name, revokedAt }: ApiKeyRecord): void => {
  if (revokedAt === undefined) return
  throw new ConflictError('api_key_revoked', `the key "${name}" was revoked: make a new one`)
}
