import * as z from 'zod'

import { accessRulesSchema } from '../rules/access-rules.ts'

const name = z.string().trim().min(1).max(100).describe('For people; unique in its tenant.')

const subject = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('tenant') }),
    z.strictObject({ kind: z.literal('role'), id: z.enum(['admin', 'operator', 'user', 'readonly']) }),
    z.strictObject({
      kind: z.literal('key'),
      id: z.string().min(1).max(64).describe('The id of an API key.'),
    }),
  ])
  .describe('Whom it is about: everybody in the tenant, everybody of a role, or whoever comes with one key.')

const rules = accessRulesSchema.describe(
  'What they are limited to, together with all else that is about them.',
)

/** A policy to make. */
export const policyInputSchema = z.strictObject({ name, subject, rules })

/** What to change of a policy. */
export const policyPatchSchema = z
  .strictObject({
    name: name.optional(),
    subject: subject.optional(),
    rules: rules.optional(),
    revision: z
      .int()
      .min(1)
      .optional()
      .describe('The revision that the change was made from; another one is answered 409.'),
  })
  .refine(({ revision: _revision, ...changes }) => Object.keys(changes).length > 0, 'say what to change')

export type PolicyInput = z.input<typeof policyInputSchema>
export type PolicyChange = z.input<typeof policyPatchSchema>
