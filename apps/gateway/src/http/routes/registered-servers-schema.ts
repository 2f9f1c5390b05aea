import * as z from 'zod'

import { serverSchema } from './schemas.ts'

/** What became of several servers that were to be registered, in the order in which they were given. */
export const registeredServersSchema = z.object({
  registered: z.number(),
  refused: z.number(),
  items: z.array(
    z.object({
      slug: z.string().optional(),
      server: serverSchema.optional().describe('When it was registered.'),
      problem: z
        .object({
          code: z.string(),
          detail: z.string(),
          faults: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
        })
        .optional()
        .describe('When it was refused.'),
    }),
  ),
})
