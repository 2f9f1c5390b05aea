import * as z from 'zod'

import { isLoopback } from '../loopback.ts'

const claim = z.string().min(1).max(256)
const values = z.array(z.string().min(1).max(512)).max(500).optional()

/** Only with keys of which the gateway has the public half: a secret that both sides share is never taken. */
const algorithm = z.enum([
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
])

const isIssuer = (text: string): boolean => {
  const url = URL.parse(text)
  if (url === null || url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '')
    return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}

/** The tokens of an identity provider, in the settings file. */
export const oidcGroup = z.strictObject({
  issuer: z
    .string()
    .max(2048)
    .refine(isIssuer, 'must be an https URL (http on this machine), as the provider writes it in `iss`')
    .optional()
    .describe(
      'The identity provider whose access tokens (JWT) let people in, as it writes itself in `iss`. Its metadata says where its keys are. Unset: none does.',
    ),
  audiences: z
    .array(z.string().min(1).max(2048))
    .max(32)
    .describe(
      'What `aud` must hold one of: for providers that write the id of an application there. Empty: the URL that was called, such as `https://mcp.example.com/mcp/notes`.',
    ),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/u, 'must be a scope: no blanks, no quotes'))
    .max(32)
    .describe(
      'Scopes that a token must have, all of them. Clients are told to ask for these. Of `api://application/scope` a token has to name the scope alone, in `scp`.',
    ),
  algorithms: z.array(algorithm).min(1).describe('How tokens may be signed.'),
  clockToleranceMs: z
    .int()
    .min(0)
    .max(120_000)
    .describe('By how much the clock of the provider may differ from ours.'),
  principalClaim: claim.describe('The claim that says who it is. It must be one that never changes hands.'),
  tenantClaim: claim
    .optional()
    .describe(
      'The claim that says which tenant it is; a token without it, or with one that is not known, is refused. Unset: everybody is in `default`.',
    ),
  tenants: z
    .record(z.string().min(1).max(512), z.string().min(1).max(64))
    .describe('Tenants by the values of that claim. Empty: its value is the tenant.'),
  roleClaims: z
    .array(claim)
    .max(16)
    .describe(
      'The claims that hold roles or groups: names, or dotted paths such as `realm_access.roles`. `scope` and `scp` may be given too.',
    ),
  roles: z
    .strictObject({ admin: values, operator: values, user: values, readonly: values })
    .describe(
      'For each role the values of those claims that give it: names, or the ids of groups. Who has several gets the widest.',
    ),
  defaultRole: z
    .enum(['none', 'readonly', 'user'])
    .describe('The role of everybody else whom the provider gives a token for the gateway; `none`: no one.'),
  keysRefreshMs: z
    .int()
    .min(10_000)
    .max(86_400_000)
    .describe(
      'After so long the keys of the provider are fetched anew; a key that is not known is looked for at once, every 10 s at most.',
    ),
  keysMaxStaleMs: z
    .int()
    .min(10_000)
    .max(86_400_000)
    .describe('How long the last known keys are good while the provider cannot be reached.'),
})
