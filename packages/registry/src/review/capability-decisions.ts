import * as z from 'zod'

/** What a server can offer. */
const kindSchema = z.enum(['tool', 'prompt', 'resource', 'resource_template'])

/** Decides about some of what a server offers. */
export const capabilityDecisionsSchema = z.strictObject({
  decision: z
    .enum(['approve', 'disable', 'enable'])
    .describe(
      '`approve`: the definition that is offered now is the right one. `disable`: nobody sees or calls it. `enable`: takes that back, and approves nothing.',
    ),
  capabilities: z
    .array(
      z.strictObject({
        kind: kindSchema.default('tool'),
        name: z.string().min(1).max(1024).describe('What the server calls it; the URI of a resource.'),
        observedHash: z
          .string()
          .max(128)
          .optional()
          .describe('The definition that was looked at; when it is another one by now, the answer is 409.'),
      }),
    )
    .min(1, 'must name at least one')
    .max(100),
})

/** Which of what a server offers is listed. */
export const capabilityQuerySchema = z.object({
  kind: kindSchema.optional(),
  state: z
    .enum(['accepted', 'changed', 'quarantined', 'disabled', 'gone', 'waiting'])
    .optional()
    .describe('`waiting`: changed or quarantined, so that somebody should look.'),
  principal: z
    .string()
    .max(255)
    .optional()
    .describe('Whose list, for a server that is used with logins of their own. Default: everybody’s.'),
})

export type CapabilityDecisions = z.input<typeof capabilityDecisionsSchema>
export type CapabilityQuery = z.output<typeof capabilityQuerySchema>
