import * as z from 'zod'

const pattern = z
  .string()
  .min(1)
  .max(256)
  .describe('A name in which `*` stands for any number of characters.')

const selection = z
  .strictObject({
    allow: z
      .array(pattern)
      .max(500)
      .optional()
      .describe('Nothing else is allowed. Left out: everything is; empty: nothing is.'),
    deny: z.array(pattern).max(500).optional().describe('Not allowed, whatever `allow` says.'),
  })
  .describe('Which of them may be used.')

const condition = z.strictObject({
  tools: z.array(pattern).min(1).max(100).describe('Of which tools, as in `tools`.'),
  argument: z
    .string()
    .min(1)
    .max(256)
    .describe('The argument, with dots into objects, such as `repository.owner`.'),
  allow: z
    .array(pattern)
    .min(1)
    .max(500)
    .describe('What its text, number or truth value must match. An argument that is not there does not.'),
})

/**
 * What somebody is limited to. Each rule takes away; none gives what a role does not. Tools and prompts are written as
 * `server/name`, or as a name alone, which means that of any server; resources by their URIs.
 */
export const accessRulesSchema = z.strictObject({
  servers: selection.optional(),
  toolsets: selection.optional(),
  tools: selection.optional(),
  prompts: selection.optional(),
  resources: selection.optional(),
  readOnlyTools: z
    .boolean()
    .optional()
    .describe(
      'Only tools that their server calls read-only. What a server says of its tools is its word alone.',
    ),
  arguments: z.array(condition).max(100).optional(),
  api: selection
    .optional()
    .describe(
      'Which routes of the API, as methods and paths without `/api/v1`, such as `GET *` or `PATCH /servers/{idOrSlug}`.',
    ),
})

/** What somebody is limited to; empty: to nothing. */
export type AccessRules = Readonly<z.infer<typeof accessRulesSchema>>

/** Which names may be used. */
export type Selection = Readonly<z.infer<typeof selection>>

/** What an argument of a tool must be. */
export type ArgumentCondition = Readonly<z.infer<typeof condition>>
