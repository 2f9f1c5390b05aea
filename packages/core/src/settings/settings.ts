import type { SettingGroups } from './groups.ts'
import type { Environment } from './presets.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** Everything that can be set, complete and checked. Frozen; made by `createSettings`. */
export interface Settings extends SettingGroups {
  readonly environment: Environment
  readonly listen: {
    /** Addresses to listen on. */
    readonly hosts: readonly string[]
    /** 0 takes a free port. */
    readonly port: number
    /** The URL that clients see; undefined: the address that is listened on. */
    readonly publicUrl: URL | undefined
  }
  readonly dataDirectory: string
  readonly store: {
    /** `embedded`: PGlite in the data directory; `memory`: PGlite in memory; `postgres`: a pool. */
    readonly kind: 'embedded' | 'memory' | 'postgres'
    /** Only for `postgres`. Holds a password: never log it. */
    readonly url: string | undefined
    /** Where LISTEN goes: another URL, or `off` to poll each second; undefined: the same URL. */
    readonly listenUrl: string | undefined
    /** undefined: the cache is inside the process. Holds a password: never log it. */
    readonly redisUrl: string | undefined
  }
  readonly access: {
    /** About `/mcp` only. */
    readonly mode: 'none' | 'required'
    /** undefined: generated into the data directory. */
    readonly adminKey: string | undefined
    /** Newest first; undefined: generated into the data directory. */
    readonly secretKeys: readonly string[] | undefined
  }
  readonly healthMode: 'embedded' | 'worker' | 'off'
  readonly workers: number
  readonly logLevel: LogLevel
  /** What is odd but does not stop the start, in words for the log. */
  readonly warnings: readonly string[]
}
