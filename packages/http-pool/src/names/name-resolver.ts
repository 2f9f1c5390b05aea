import { isIP, type LookupFunction } from 'node:net'
import { performance } from 'node:perf_hooks'

import { within } from '../within.ts'
import { DnsClient, type DnsAnswer } from './dns-client.ts'
import { NameCache, type NameOutcome } from './name-cache.ts'
import { NameResolutionError } from './name-resolution-error.ts'
import { resolveNameResolverOptions, type NameResolverOptions } from './name-resolver-options.ts'
import { parseHosts, type HostsTable } from './parse-hosts.ts'
import { candidatesOf, parseResolvConf, type SearchRules } from './parse-resolv-conf.ts'
import { asAddress, inOrderOfPreference, type ResolvedAddress } from './resolved-address.ts'
import { SystemLane } from './system-lane.ts'
import { WatchedFile } from './watched-file.ts'

/** How often the files that say how to resolve are looked at again. */
const RECHECK_MS = 5_000
const LOOPBACK: readonly string[] = ['127.0.0.1', '::1']

/** Answers that say that name servers are not the ones to ask here. */
const NOT_BY_DNS: ReadonlySet<string> = new Set(['ENOTFOUND', 'ECONNREFUSED', 'EREFUSED', 'ENONAME'])

/**
 * Resolves host names without the thread pool: address literals, the hosts file, then name servers with the search list of
 * the system, each name by itself and remembered for its time to live. What name servers do not know, the system's own
 * resolver is asked for, a few names at a time. One name that hangs holds up no other.
 */
export class NameResolver {
  /** In the form of `dns.lookup`, for `net.connect` and all that is built on it. */
  readonly lookup: LookupFunction
  readonly #timeoutMs: number
  readonly #maxTimeToLiveMs: number
  readonly #negativeMs: number
  readonly #maxPending: number
  readonly #hosts: WatchedFile<HostsTable>
  readonly #rules: WatchedFile<SearchRules>
  readonly #client: DnsClient
  readonly #system: SystemLane
  readonly #cache: NameCache
  readonly #pending = new Map<string, Promise<NameOutcome>>()
  #rulesInUse: SearchRules | undefined

  /** @throws {RangeError} naming the option whose value is out of range. */
  constructor(options: NameResolverOptions = {}) {
    const resolved = resolveNameResolverOptions(options)
    const now = resolved.now ?? (() => performance.now())
    const files = { recheckMs: RECHECK_MS, now }
    this.#timeoutMs = resolved.timeoutMs
    this.#maxTimeToLiveMs = resolved.maxTimeToLiveMs
    this.#negativeMs = resolved.negativeMs
    this.#maxPending = resolved.maxPendingNames
    this.#hosts = new WatchedFile(resolved.hostsPath, parseHosts, files)
    this.#rules = new WatchedFile(resolved.resolvConfPath, parseResolvConf, files)
    this.#client = new DnsClient(resolved.servers, resolved.timeoutMs)
    this.#system = new SystemLane(resolved.maxSystemLookups, resolved.timeoutMs, resolved.systemLookup)
    this.#cache = new NameCache(resolved.maxCachedNames, now)
    this.lookup = (hostname, lookupOptions, callback) => void this.#look(hostname, lookupOptions, callback)
  }

  /**
   * Every address of `hostname`, the best first; at least one.
   *
   * @throws {NameResolutionError} see its `code`.
   */
  async resolve(hostname: string): Promise<readonly ResolvedAddress[]> {
    if (isIP(hostname) !== 0) return [asAddress(hostname)]
    const name = hostname.toLowerCase()
    const outcome = this.#cache.get(name) ?? (await this.#join(name))
    if (outcome instanceof NameResolutionError) throw outcome
    return outcome
  }

  async #look(
    hostname: string,
    { family: wanted, all }: Parameters<LookupFunction>[1],
    callback: Parameters<LookupFunction>[2],
  ): Promise<void> {
    let fitting: ResolvedAddress[]
    try {
      fitting = (await this.resolve(hostname)).filter(({ family }) => fits(family, wanted))
    } catch (error) {
      callback(error instanceof Error ? error : new NameResolutionError('ENOTFOUND', hostname), '')
      return
    }
    const [first] = fitting
    if (first === undefined) callback(new NameResolutionError('ENOTFOUND', hostname), '')
    else if (all === true) callback(null, fitting)
    else callback(null, first.address, first.family)
  }

  #join(name: string): Promise<NameOutcome> {
    const known = this.#pending.get(name)
    if (known !== undefined) return known
    if (this.#pending.size >= this.#maxPending) return Promise.resolve(new NameResolutionError('EBUSY', name))
    const work = this.#find(name).finally(() => this.#pending.delete(name))
    this.#pending.set(name, work)
    return work
  }

  async #find(name: string): Promise<NameOutcome> {
    try {
      const { addresses, timeToLiveMs } = await this.#ask(name)
      const ordered = inOrderOfPreference(addresses)
      this.#cache.set(name, ordered, Math.min(timeToLiveMs, this.#maxTimeToLiveMs))
      return ordered
    } catch (error) {
      const failure =
        error instanceof NameResolutionError ? error : new NameResolutionError('ENOTFOUND', name)
      // What is not known for certain is asked again sooner.
      this.#cache.set(name, failure, failure.code === 'ENOTFOUND' ? this.#negativeMs : this.#negativeMs / 5)
      return failure
    }
  }

  async #ask(name: string): Promise<DnsAnswer> {
    const bare = name.replace(/\.$/u, '')
    const listed = (await this.#hosts.read()).get(bare) ?? []
    // RFC 6761, sections 6.3 and 6.4: these names never leave the machine.
    if (bare === 'localhost' || bare.endsWith('.localhost'))
      return fixed([...new Set([...listed, ...LOOPBACK])])
    if (listed.length > 0) return fixed(listed)
    if (bare === '' || bare === 'invalid' || bare.endsWith('.invalid')) {
      throw new NameResolutionError('ENOTFOUND', name)
    }
    try {
      return await within(this.#askServers(name), this.#timeoutMs, () => {
        throw new NameResolutionError('ETIMEOUT', name)
      })
    } catch (error) {
      if (!(error instanceof NameResolutionError) || !NOT_BY_DNS.has(error.code)) throw error
      const addresses = await this.#system.resolve(name)
      if (addresses.length === 0) throw error
      return { addresses, timeToLiveMs: this.#negativeMs }
    }
  }

  /** The first completion of `name` that has addresses. */
  async #askServers(name: string): Promise<DnsAnswer> {
    const rules = await this.#rules.read()
    if (rules !== this.#rulesInUse) {
      // The file has changed, and with it, most likely, the servers.
      if (this.#rulesInUse !== undefined) this.#client.reload()
      this.#rulesInUse = rules
    }
    let failure: unknown
    for (const candidate of candidatesOf(name, rules)) {
      try {
        return await this.#client.query(candidate)
      } catch (error) {
        const isAbsent = error instanceof NameResolutionError && error.code === 'ENOTFOUND'
        if (!isAbsent || failure === undefined) failure = error
      }
    }
    throw failure
  }
}

/** Of the hosts file, which is watched by itself. */
const fixed = (addresses: readonly string[]): DnsAnswer => ({
  addresses: addresses.map(asAddress),
  timeToLiveMs: 0,
})

const fits = (family: 4 | 6, wanted: number | string | undefined): boolean =>
  wanted === undefined || wanted === 0 || wanted === family || wanted === `IPv${family}`
