import * as z from 'zod'

import { accessRulesSchema } from '../rules/access-rules.ts'

const role = z
  .enum(['admin', 'operator', 'user', 'readonly'])
  .describe(
    'What it may do: `readonly` looks and calls read-only tools, `user` uses servers, `operator` registers them too, `admin` does everything in its tenant.',
  )

/** Names that mean somebody already, and the start of those that identity providers give. */
const RESERVED = /^(?:admin|local|token:.*)$/u

const fields = {
  name: z.string().trim().min(1).max(100).describe('For people: what it is used for.'),
  role,
  scopes: accessRulesSchema.describe('What it is limited to; empty: to nothing beyond its role.'),
}

/** A key to make. */
export const apiKeyInputSchema = z.strictObject({
  name: fields.name,
  role: role.default('user'),
  principalId: z
    .string()
    .min(1)
    .max(128)
    .regex(/^[\w.@:+-]+$/u, 'may hold letters, digits and _ . @ : + -')
    .refine((id) => !RESERVED.test(id), 'is reserved')
    .optional()
    .describe('On whose behalf it acts: several keys may act for one. Left out: it stands for itself.'),
  scopes: fields.scopes.default({}),
  expiresAt: z.iso.datetime({ offset: true }).optional().describe('Left out: it does not expire.'),
})

/** What to change of a key. */
export const apiKeyPatchSchema = z
  .strictObject({
    name: fields.name.optional(),
    role: role.optional(),
    scopes: fields.scopes.optional(),
    expiresAt: z.iso.datetime({ offset: true }).nullable().optional().describe('null: it does not expire.'),
  })
  .refine((patch) => Object.keys(patch).length > 0, 'say what to change')

/** How to replace a key. */
export const apiKeyRotationSchema = z.strictObject({
  graceMs: z
    .int()
    .min(0)
    .max(30 * 86_400_000)
    .default(0)
    .describe('How long the old key is still good, in milliseconds; at most 30 days.'),
})

export type ApiKeyInput = z.input<typeof apiKeyInputSchema>
export type ApiKeyChange = z.input<typeof apiKeyPatchSchema>
export type ApiKeyRotation = z.input<typeof apiKeyRotationSchema>
