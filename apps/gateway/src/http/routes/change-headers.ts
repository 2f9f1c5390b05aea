import * as z from 'zod'

/** Of a request that makes something. */
export const onceHeaders = z.object({
  'idempotency-key': z
    .string()
    .optional()
    .describe(
      'Chosen by you: the same request with the same key is done once, and answered alike for a day.',
    ),
})

/** Of a request that changes or removes something. */
export const changeHeaders = z.object({
  'if-match': z
    .string()
    .optional()
    .describe('The ETag of what you have seen: 412 when somebody has changed it since.'),
})
