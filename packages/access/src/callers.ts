import {
  ConflictError,
  DEFAULT_TENANT,
  LOCAL_PRINCIPAL,
  NotFoundError,
  type Principal,
  type UnauthenticatedError,
} from '@mreg/core'

import type { KnownApiKey, KnownApiKeys } from './api-keys/known-api-keys.ts'
import { ADMINISTRATOR, type Authenticator } from './authenticator.ts'

/** Somebody who may call `/mcp`, as administrators speak of him. */
export interface Caller {
  readonly principal: Principal
  /** For a person, such as `the key "ci"`. */
  readonly title: string
  /** Why he is not let in at `/mcp` as things are; undefined: he is. */
  readonly refusal: UnauthenticatedError | undefined
}

/** Finds out whom somebody means. From what is in memory: nothing is asked. */
export class Callers {
  readonly #authenticator: Authenticator
  readonly #apiKeys: KnownApiKeys

  constructor(authenticator: Authenticator, apiKeys: KnownApiKeys) {
    this.#authenticator = authenticator
    this.#apiKeys = apiKeys
  }

  /**
   * Whom `text` means in a tenant: `local` whoever comes without a key, `admin` the administrator, everything else a key, by its id,
   * its name, or the principal that it stands for.
   *
   * @throws {NotFoundError} `principal_not_found`.
   * @throws {ConflictError} `principal_ambiguous`: several keys are called so.
   */
  find(tenantId: string, text: string): Caller {
    if (text === ADMINISTRATOR.id) return this.#caller({ ...ADMINISTRATOR, tenantId }, 'the administrator')
    if (text === LOCAL_PRINCIPAL.id && tenantId === DEFAULT_TENANT)
      return this.#caller(LOCAL_PRINCIPAL, 'whoever comes without a key')
    const all = this.#apiKeys.named(tenantId, text)
    const active = all.filter(({ record }) => this.#apiKeys.stateOf(record) === 'good')
    // One that has ended does not make another of its name doubtful.
    const [key, ...others] = active.length > 0 ? active : all
    if (key === undefined)
      throw new NotFoundError(
        'principal_not_found',
        `no API key is called ${JSON.stringify(text)}, and it is neither "local" nor "admin"; mreg keys list shows what there is`,
      )
    if (others.length > 0)
      throw new ConflictError(
        'principal_ambiguous',
        `${others.length + 1} API keys are called ${JSON.stringify(text)}; name one by its id: ${idsOf([key, ...others])}`,
      )
    return this.#caller(key.principal, `the key "${key.record.name}"`)
  }

  #caller(principal: Principal, title: string): Caller {
    return { principal, title, refusal: this.#authenticator.refusalOf('mcp', principal) }
  }
}

/** The most identifiers in one message. */
const MAX_IDS = 5

const idsOf = (keys: readonly KnownApiKey[]): string =>
  [...keys.slice(0, MAX_IDS).map(({ record }) => record.id), ...(keys.length > MAX_IDS ? ['…'] : [])].join(
    ', ',
  )
