import * as z from 'zod'

/** What stands between the gateway and whoever reaches it, in the settings file. */
export const securityGroup = z.strictObject({
  allowedHosts: z
    .array(z.string().min(1))
    .describe(
      'Host names by which clients may address the gateway, besides its own addresses and its public URL.',
    ),
  allowedOrigins: z
    .array(z.string().min(1))
    .describe('Origins of web pages that may call it, besides its own.'),
  corsOnLoopback: z.boolean().describe('Whether web pages served from loopback may call it.'),
  securityHeaders: z.boolean().describe('Whether answers carry security headers.'),
  withoutPolicy: z
    .enum(['allow', 'deny'])
    .describe(
      'What somebody may use whom no policy is about, and whose key has no limits: what the role may (`allow`), or nothing (`deny`).',
    ),
  keysWithoutDatabaseMs: z
    .int()
    .min(1)
    .max(86_400_000)
    .describe('How long API keys are honoured while the database cannot be asked whether they were revoked.'),
  tokenLifetimeMs: z
    .int()
    .min(1)
    .max(30 * 86_400_000)
    .describe('How long the tokens are good that the gateway issues to clients; it issues none yet.'),
  trustedProxies: z
    .int()
    .min(0)
    .max(10)
    .describe(
      'How many proxies stand in front of the gateway, one behind the other, and say in `X-Forwarded-For` who spoke to them. 0: that header is not read.',
    ),
  refusedAttemptsPerMinute: z
    .int()
    .min(0)
    .max(1_000_000)
    .describe(
      'How many keys and tokens that are not good one address may show in a minute, and as many for one key; more are answered 429 in place of 401. 0: without limit.',
    ),
})
