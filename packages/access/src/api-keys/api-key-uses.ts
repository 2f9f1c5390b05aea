import { type Logger, silentLogger } from '@mreg/core'
import type { DatabasePool } from '@mreg/db-pool'
import { ApiKeyDirectory, type RegistryDatabase } from '@mreg/repositories'

import type { KnownApiKeys } from './known-api-keys.ts'

export interface ApiKeyUsesOptions {
  readonly database: DatabasePool<RegistryDatabase>
  readonly known: KnownApiKeys
  /** Between notes, in milliseconds. Default one minute. */
  readonly intervalMs?: number | undefined
  readonly logger?: Logger | undefined
}

/** Notes now and then when keys were used last. A note that cannot be written is lost: the next use makes another. */
export class ApiKeyUses implements AsyncDisposable {
  readonly #options: ApiKeyUsesOptions
  readonly #timer: NodeJS.Timeout
  #round: Promise<void> | undefined

  constructor(options: ApiKeyUsesOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.note(), options.intervalMs ?? 60_000).unref()
  }

  /** Writes down what was used since the last time. Never throws. */
  note(): Promise<void> {
    this.#round ??= this.#note().finally(() => {
      this.#round = undefined
    })
    return this.#round
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await this.#round
    await this.note()
  }

  async #note(): Promise<void> {
    const { database, known, logger = silentLogger } = this.#options
    const uses = known.takeUses()
    if (uses.size === 0) return
    try {
      await database.systemSession('note when keys were used', (session) =>
        new ApiKeyDirectory(session).markUsed(uses),
      )
    } catch (error) {
      logger.warn('it could not be noted which API keys were used', { error })
    }
  }
}
