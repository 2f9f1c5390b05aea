import type { ResolvedAddress } from './resolved-address.ts'

export interface NameResolverOptions {
  /** Longest wait for name servers, and then for the system's resolver, in milliseconds. Default 1 000. */
  readonly timeoutMs?: number | undefined
  /** Name servers as `address` or `address:port`. Default: the system's. */
  readonly servers?: readonly string[] | undefined
  /** Default `/etc/hosts`, or what Windows has in its place. */
  readonly hostsPath?: string | undefined
  /** Where `search` and `options ndots:` are read; its servers are not. Default `/etc/resolv.conf`. */
  readonly resolvConfPath?: string | undefined
  /** Names remembered at once; 0 for none. Default 1 000. */
  readonly maxCachedNames?: number | undefined
  /** The longest that addresses are remembered, in milliseconds, whatever their time to live. Default 300 000. */
  readonly maxTimeToLiveMs?: number | undefined
  /** How long is remembered that a name does not exist, in milliseconds; other failures a fifth of it. Default 5 000. */
  readonly negativeMs?: number | undefined
  /** Names asked for at once; one more fails with `EBUSY`. Default 1 000. */
  readonly maxPendingNames?: number | undefined
  /** Names that the system's resolver is asked for at once; 0: it is not asked. Default 2, of its 4 threads. */
  readonly maxSystemLookups?: number | undefined
  /** In place of the system's resolver. Default `dns.lookup`. */
  readonly systemLookup?: ((name: string) => Promise<readonly ResolvedAddress[]>) | undefined
  /** Milliseconds that only go forward. Default: the monotonic clock. */
  readonly now?: (() => number) | undefined
}

type Defaulted =
  | 'timeoutMs'
  | 'hostsPath'
  | 'resolvConfPath'
  | 'maxCachedNames'
  | 'maxTimeToLiveMs'
  | 'negativeMs'
  | 'maxPendingNames'
  | 'maxSystemLookups'

type ResolvedNameResolverOptions = NameResolverOptions & {
  readonly [Name in Defaulted]-?: NonNullable<NameResolverOptions[Name]>
}

/** @throws {RangeError} naming the option whose value is out of range. */
export const resolveNameResolverOptions = (options: NameResolverOptions): ResolvedNameResolverOptions => ({
  ...options,
  timeoutMs: count('timeoutMs', options.timeoutMs ?? 1_000, 1),
  hostsPath: options.hostsPath ?? HOSTS_PATH,
  resolvConfPath: options.resolvConfPath ?? '/etc/resolv.conf',
  maxCachedNames: count('maxCachedNames', options.maxCachedNames ?? 1_000, 0),
  maxTimeToLiveMs: count('maxTimeToLiveMs', options.maxTimeToLiveMs ?? 300_000, 0),
  negativeMs: count('negativeMs', options.negativeMs ?? 5_000, 0),
  maxPendingNames: count('maxPendingNames', options.maxPendingNames ?? 1_000, 1),
  maxSystemLookups: count('maxSystemLookups', options.maxSystemLookups ?? 2, 0),
})

const HOSTS_PATH =
  process.platform === 'win32'
    ? String.raw`${process.env['SystemRoot'] ?? String.raw`C:\Windows`}\System32\drivers\etc\hosts`
    : '/etc/hosts'

const count = (name: string, value: number, minimum: number): number => {
  if (Number.isSafeInteger(value) && value >= minimum) return value
  throw new RangeError(`NameResolver option ${name} must be an integer of at least ${minimum}, got ${value}`)
}
