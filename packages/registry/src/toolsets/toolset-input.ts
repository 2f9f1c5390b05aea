import { slugFault } from '@mreg/core'
import * as z from 'zod'

/** What a tool may be called in a set: legal for the strictest client, and never the merged name of something else. */
const RENAME = /^[A-Za-z0-9_-]{1,50}$/u
/** Merged names have it between server and name, and no rename has it: so the two never meet. */
const SEPARATOR = '__'
const MAX_WILDCARDS = 10

const patternFault = (pattern: string): string | undefined => {
  if (/\p{Cc}/u.test(pattern) || !pattern.isWellFormed()) return 'must not hold control characters'
  if (pattern.includes('**'))
    return 'must not have two "*" side by side: one stands for any text, also for none'
  return pattern.split('*').length - 1 > MAX_WILDCARDS
    ? `must not have more than ${MAX_WILDCARDS} "*"`
    : undefined
}

const renameFault = (name: string): string | undefined => {
  if (!RENAME.test(name)) return 'must be 1 to 50 of A-Z, a-z, 0-9, "_" and "-", which every client takes'
  return name.includes(SEPARATOR)
    ? 'must not have two "_" side by side: that is kept for the names that say whose a tool is'
    : undefined
}

const checked = (text: z.ZodString, faultOf: (text: string) => string | undefined): z.ZodString =>
  text.superRefine((value, context) => {
    const message = faultOf(value)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })

const itemSchema = z
  .strictObject({
    effect: z
      .enum(['include', 'exclude'])
      .default('include')
      .describe('Whether what the rule is about is in the set. The last rule about something decides.'),
    serverSlug: checked(z.string(), slugFault)
      .optional()
      .describe('Only of this server, which need not be registered yet. Default: of any.'),
    tag: z.string().min(1).max(64).optional().describe('Only of servers with this tag.'),
    namePattern: checked(z.string().min(1).max(1024), patternFault)
      .optional()
      .describe(
        'Only what the server itself calls so: the name of a tool or prompt, the URI of a resource. "*" stands for any text. Case matters.',
      ),
    readOnlyOnly: z
      .boolean()
      .default(false)
      .describe('Of tools, only those that say that they change nothing (`readOnlyHint`).'),
    rename: checked(z.string(), renameFault)
      .optional()
      .describe('What the tool or prompt is called in this set. Needs `serverSlug` and a name without "*".'),
    description: z
      .string()
      .max(4000)
      .optional()
      .describe('Its description in this set. Needs `serverSlug` and a name without "*".'),
  })
  .superRefine((item, context) => {
    if (item.rename === undefined && item.description === undefined) return
    const message =
      'says how one thing is shown: it needs `effect` "include", `serverSlug` and a `namePattern` without "*"'
    const isAboutOne = item.effect === 'include' && item.serverSlug !== undefined && isPlain(item.namePattern)
    if (isAboutOne) return
    for (const path of ['rename', 'description'] as const)
      if (item[path] !== undefined) context.addIssue({ code: 'custom', path: [path], message })
  })

const isPlain = (pattern: string | undefined): boolean => pattern !== undefined && !pattern.includes('*')

const itemsSchema = z
  .array(itemSchema)
  .min(1, 'must hold at least one rule')
  .max(500)
  .superRefine((items, context) => {
    if (items.length > 0 && items.every(({ effect }) => effect === 'exclude'))
      context.addIssue({
        code: 'custom',
        message: 'must include something: a rule that excludes takes away from others',
      })
    const taken = new Set<string>()
    for (const [index, { rename }] of items.entries()) {
      if (rename === undefined) continue
      if (taken.has(rename))
        context.addIssue({
          code: 'custom',
          path: [index, 'rename'],
          message: `${JSON.stringify(rename)} is what another rule of the set calls something; choose another`,
        })
      taken.add(rename)
    }
  })
  .describe('Rules, in order: the last one about something decides whether it is in the set.')

const titleSchema = z.string().max(200)
const descriptionSchema = z.string().max(4000)

/** What makes a toolset. */
export const toolsetInputSchema = z.strictObject({
  slug: checked(z.string(), slugFault).describe(
    'Its name in URLs: 1 to 20 of a-z, 0-9 and "-". Never changes.',
  ),
  title: titleSchema.optional(),
  description: descriptionSchema.optional(),
  items: itemsSchema,
})

/** What changes a toolset. What is left out stays; `null` empties it; `items` replaces all of them. */
export const toolsetPatchSchema = z.strictObject({
  title: titleSchema.nullable().optional(),
  description: descriptionSchema.nullable().optional(),
  items: itemsSchema.optional(),
  revision: z
    .int()
    .min(1)
    .optional()
    .describe('The revision that the change is meant for; another one is answered 409.'),
})

export type ToolsetInput = z.input<typeof toolsetInputSchema>
export type ToolsetPatch = z.input<typeof toolsetPatchSchema>
