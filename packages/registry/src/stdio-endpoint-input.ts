import { isAbsolute } from 'node:path'

import { environmentFault } from '@mreg/upstream'
import * as z from 'zod'

// oxlint-disable-next-line no-control-regex -- a line break in a path or an argument is legal; these are not
const NUL = /\u0000/u

const textSchema = (maximum: number): z.ZodString =>
  z
    .string()
    .max(maximum)
    .refine((text) => !NUL.test(text), { error: 'must not hold a NUL character' })

const environmentSchema = z
  .record(z.string(), z.string().max(32_768))
  .superRefine((environment, context) => {
    for (const [name, value] of Object.entries(environment)) {
      const fault = environmentFault(name, value)
      if (fault !== undefined) context.addIssue({ code: 'custom', path: [name], message: fault })
    }
    if (Object.keys(environment).length > 100) {
      context.addIssue({ code: 'custom', message: 'holds more than 100 variables' })
    }
  })
  .describe('Set in its environment, over the little that it inherits. Kept encrypted; never shown again.')

/** A server that is started by a command, as a client gives it. */
export const stdioEndpointInputSchema = z.strictObject({
  transport: z.literal('stdio'),
  command: textSchema(4096)
    .refine((command) => command.trim() !== '', { error: 'must name a program' })
    .describe('The program: a path, or a name that is found in PATH. It is run without a shell.'),
  args: z.array(textSchema(32_768)).max(500).default([]).describe('Its arguments, exactly.'),
  env: environmentSchema.optional(),
  cwd: textSchema(4096)
    .refine((path) => isAbsolute(path), { error: 'must be an absolute path' })
    .optional()
    .describe('Its working directory.'),
  weight: z.int().min(1).max(1000).default(1).describe('Its share of the load beside the other endpoints.'),
})
