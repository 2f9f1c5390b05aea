import { Resolver } from 'node:dns/promises'

import { within } from '../within.ts'
import { NameResolutionError } from './name-resolution-error.ts'
import { asAddress, type ResolvedAddress } from './resolved-address.ts'

/** When one family has answered, how long the other may take (RFC 8305, section 3, is shorter: it asks again later). */
const SECOND_FAMILY_MS = 250
/** Of an answer in which one family is missing. */
const INCOMPLETE_TTL_MS = 5_000

export interface DnsAnswer {
  readonly addresses: readonly ResolvedAddress[]
  readonly timeToLiveMs: number
}

type FamilyAnswer = DnsAnswer | NameResolutionError

/** Codes of c-ares that say that a name has no such record, and not that nobody knows. */
const ABSENT: ReadonlySet<string> = new Set(['ENOTFOUND', 'ENODATA', 'ENOTIMP', 'EBADNAME', 'EFORMERR'])

/** Asks name servers (c-ares): queries side by side, so that one that hangs holds up no other. */
export class DnsClient {
  readonly #servers: readonly string[] | undefined
  readonly #tryMs: number
  #resolver: Resolver

  /** @param servers undefined: those of the system. */
  constructor(servers: readonly string[] | undefined, timeoutMs: number) {
    this.#servers = servers
    // The second try, after a lost packet, waits twice as long.
    this.#tryMs = Math.max(1, Math.floor(timeoutMs / 3))
    this.#resolver = this.#create()
  }

  /** Takes up the name servers that the system names now. */
  reload(): void {
    this.#resolver = this.#create()
  }

  /**
   * The A and AAAA records of exactly `name`.
   *
   * @throws {NameResolutionError} `ENOTFOUND` when there are none.
   */
  async query(name: string): Promise<DnsAnswer> {
    const resolver = this.#resolver
    const four = ask(name, resolver.resolve4(name, { ttl: true }))
    const six = ask(name, resolver.resolve6(name, { ttl: true }))
    const first = await Promise.race([four, six])
    if (first instanceof NameResolutionError) return combine(name, await Promise.all([four, six]))
    const both = Promise.all([four, six])
    return await within(
      both.then((answers) => combine(name, answers)),
      SECOND_FAMILY_MS,
      () => ({ ...first, timeToLiveMs: Math.min(first.timeToLiveMs, INCOMPLETE_TTL_MS) }),
    )
  }

  #create(): Resolver {
    const resolver = new Resolver({ timeout: this.#tryMs, tries: 2 })
    if (this.#servers !== undefined) resolver.setServers(this.#servers)
    return resolver
  }
}

const ask = async (
  name: string,
  query: Promise<readonly { readonly address: string; readonly ttl: number }[]>,
): Promise<FamilyAnswer> => {
  try {
    const records = await query
    if (records.length === 0) return new NameResolutionError('ENOTFOUND', name)
    return {
      addresses: records.map(({ address }) => asAddress(address)),
      timeToLiveMs: Math.min(...records.map(({ ttl }) => ttl)) * 1_000,
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'ENOTFOUND'
    return new NameResolutionError(ABSENT.has(code) ? 'ENOTFOUND' : code, name)
  }
}

const combine = (name: string, answers: readonly FamilyAnswer[]): DnsAnswer => {
  const given = answers.filter((answer): answer is DnsAnswer => 'addresses' in answer)
  const errors = answers.filter((answer) => answer instanceof NameResolutionError)
  if (given.length > 0) {
    const isIncomplete = errors.some(({ code }) => code !== 'ENOTFOUND')
    return {
      addresses: given.flatMap(({ addresses }) => addresses),
      timeToLiveMs: Math.min(
        ...given.map(({ timeToLiveMs }) => timeToLiveMs),
        isIncomplete ? INCOMPLETE_TTL_MS : Number.POSITIVE_INFINITY,
      ),
    }
  }
  throw errors.find(({ code }) => code !== 'ENOTFOUND') ?? new NameResolutionError('ENOTFOUND', name)
}
