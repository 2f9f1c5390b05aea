import { createSettings, type Logger, MregError, type Principal, type SettingGroups } from '@mreg/core'
import { createEgressGuard, HttpPool, NameResolver } from '@mreg/http-pool'
import { type IdentityProvider, startIdentityProvider } from '@mreg/testing'

import { createLoginNetwork } from '../../src/index.ts'
import { JwtVerifier } from '../../src/tokens.ts'

/** The address that tokens are sent to. */
export const AUDIENCE = 'https://mcp.example.com/mcp/notes'

/** A verifier of the tokens of one provider. */
export interface OpenVerifier extends AsyncDisposable {
  readonly provider: IdentityProvider
  readonly verifier: JwtVerifier
  /** Everything that was logged, as text. */
  readonly log: readonly string[]
  /** Lets so many milliseconds pass for the tokens. */
  pass(ms: number): void
  verify(token: string, audience?: string): Promise<Principal | undefined>
  /** The code of the error, else `good`, else `unknown`. */
  outcome(token: string, audience?: string): Promise<string>
}

/** Opens one. `oidc` is what its settings file holds besides the issuer; everybody gets the role `user` by default. */
export const openVerifier = async (
  oidc: Partial<SettingGroups['oidc']> = {},
  given: { readonly provider?: IdentityProvider; readonly isTenant?: (id: string) => boolean } = {},
): Promise<OpenVerifier> => {
  const provider = given.provider ?? (await startIdentityProvider())
  const log: string[] = []
  const pool = new HttpPool({ closeTimeoutMs: 100 })
  const publicPool = new HttpPool({ closeTimeoutMs: 100, egress: createEgressGuard() })
  let passed = 0
  const verifier = new JwtVerifier({
    oidc: {
      ...createSettings({ environment: {} }).oidc,
      defaultRole: 'user',
      ...oidc,
      issuer: oidc.issuer ?? provider.issuer,
    },
    network: createLoginNetwork({ pool, publicPool, lookup: new NameResolver().lookup }),
    isTenant: given.isTenant ?? ((id) => id === 'default'),
    logger: loggerInto(log),
    now: () => Date.now() + passed,
  })
  const verify: OpenVerifier['verify'] = async (token, audience = AUDIENCE) =>
    verifier.verify(token, audience)
  return {
    provider,
    verifier,
    log,
    pass: (ms) => {
      passed += ms
    },
    verify,
    outcome: async (token, audience) => {
      try {
        return (await verify(token, audience)) === undefined ? 'unknown' : 'good'
      } catch (error) {
        if (MregError.is(error)) return error.code
        throw error
      }
    },
    [Symbol.asyncDispose]: async () => {
      await provider.stop()
      await Promise.all([pool.close(), publicPool.close()])
    },
  }
}

const loggerInto = (log: string[]): Logger => {
  const write: Logger['info'] = (message, fields) =>
    void log.push(message, ...Object.values(fields ?? {}).map(String))
  const logger: Logger = { debug: write, info: write, warn: write, error: write, child: () => logger }
  return logger
}
