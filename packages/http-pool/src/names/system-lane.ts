import { lookup } from 'node:dns/promises'

import { within } from '../within.ts'
import { NameResolutionError } from './name-resolution-error.ts'
import { asAddress, type ResolvedAddress } from './resolved-address.ts'

const MAX_WAITING = 256

/**
 * The resolver of the system (`getaddrinfo`): it knows what DNS does not, such as mDNS, but a name that hangs holds one of
 * the few threads of the process. So only some names at a time are asked for, and nobody waits longer than a limit.
 */
export class SystemLane {
  readonly #limit: number
  readonly #timeoutMs: number
  readonly #ask: (name: string) => Promise<readonly ResolvedAddress[]>
  readonly #waiting: (() => void)[] = []
  #running = 0

  /** @param ask in place of the system's resolver, for tests. */
  constructor(
    limit: number,
    timeoutMs: number,
    ask: (name: string) => Promise<readonly ResolvedAddress[]> = askSystem,
  ) {
    this.#limit = limit
    this.#timeoutMs = timeoutMs
    this.#ask = ask
  }

  /** @throws {NameResolutionError} */
  async resolve(name: string): Promise<readonly ResolvedAddress[]> {
    if (this.#limit === 0) throw new NameResolutionError('ENOTFOUND', name)
    if (this.#waiting.length >= MAX_WAITING) throw new NameResolutionError('EBUSY', name)
    let isLate = false
    return await within(
      this.#enter(name, () => isLate),
      this.#timeoutMs,
      () => {
        isLate = true
        throw new NameResolutionError('ETIMEOUT', name)
      },
    )
  }

  async #enter(name: string, isLate: () => boolean): Promise<readonly ResolvedAddress[]> {
    while (this.#running >= this.#limit) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
      })
    }
    this.#running += 1
    try {
      // Who has given up does not take a thread any more.
      return isLate() ? [] : await this.#ask(name)
    } catch (error) {
      throw new NameResolutionError(codeOf(error), name)
    } finally {
      this.#running -= 1
      this.#waiting.shift()?.()
    }
  }
}

const askSystem = async (name: string): Promise<readonly ResolvedAddress[]> => {
  const found = await lookup(name, { all: true })
  return found.map(({ address }) => asAddress(address))
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'ENOTFOUND'
