import { EXPLAINED_CHECKS } from '@mreg/proxy'
import * as z from 'zod'

import { statusSchema } from './schemas.ts'

const eraSchema = z.enum(['modern', 'legacy'])

const stepSchema = z.object({
  check: z.enum(EXPLAINED_CHECKS),
  outcome: z
    .enum(['ok', 'warning', 'no'])
    .describe('`no`: because of this the caller does not see it, or cannot use it.'),
  code: z.string().describe('Stable.'),
  text: z.string(),
  details: z.record(z.string(), z.unknown()).optional(),
})

const standingSchema = z.object({
  fitness: z.enum(['good', 'recovering', 'paced', 'unfit', 'closed-off']),
  circuit: z.string(),
  retryAfterMs: z.number().describe('Until its circuit lets a call try; 0: it does now.'),
  paceMs: z.number().describe('How long it has asked to be left alone.'),
  status: statusSchema
    .optional()
    .describe('What a probe found last, as far as that is worth anything still.'),
  eras: z
    .object({ legacy: eraSchema.optional(), modern: eraSchema.optional(), ageMs: z.number().optional() })
    .describe(
      'In which era of the protocol it is spoken to, by that of the client; missing: it would be asked first.',
    ),
})

const endpointSchema = z.object({
  id: z.string(),
  transport: z.enum(['streamable-http', 'sse', 'stdio']),
  address: z.string().optional().describe('Its URL, or its command.'),
  isChosen: z.boolean().describe('Whether a call would go there.'),
  code: z.string().describe('Why, or why not. Stable.'),
  text: z.string(),
  standing: standingSchema.optional().describe('Missing: this gateway cannot use it.'),
  balancing: z
    .object({ state: z.string(), weight: z.number(), effectiveWeight: z.number(), inFlight: z.number() })
    .optional()
    .describe('Missing: it is the only one.'),
})

/** Why a caller sees something or does not, and where a call would go. */
export const explanationSchema = z.object({
  caller: z.object({ id: z.string(), title: z.string(), role: z.string() }),
  path: z.string().describe('Where the caller comes in.'),
  name: z.string(),
  capability: z
    .object({
      kind: z.enum(['tool', 'prompt', 'resource', 'resource_template']),
      server: z.string(),
      name: z.string().describe('What the server calls it.'),
      shownAs: z.string().optional().describe('What the caller calls it; missing: nothing.'),
    })
    .optional()
    .describe('What the name stands for; missing: nobody knows, or it is none of the caller’s business.'),
  isShown: z.boolean().describe('Whether it is in the lists that the caller is given.'),
  isCallable: z.boolean().describe('Whether a call would be sent to an endpoint.'),
  reason: z.string().optional().describe('The code of the first step that says no.'),
  summary: z.string(),
  steps: z.array(stepSchema).describe('What is looked at on the way, in its order.'),
  strategy: z.string().optional().describe('How calls are spread over the endpoints; missing: there is one.'),
  endpoints: z.array(endpointSchema),
})
