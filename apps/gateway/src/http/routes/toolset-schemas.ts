import * as z from 'zod'

import { offerSchema } from './schemas.ts'

/** A toolset, as the API shows it. */
export const toolsetSchema = z.object({
  id: z.string(),
  slug: z.string(),
  title: z.string().optional(),
  description: z.string().optional(),
  managedBy: z.string(),
  revision: z.number(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  offer: offerSchema.optional(),
  items: z.array(
    z.object({
      effect: z.enum(['include', 'exclude']),
      serverSlug: z.string().optional(),
      tag: z.string().optional(),
      namePattern: z.string().optional(),
      readOnlyOnly: z.boolean().optional(),
      rename: z.string().optional(),
      description: z.string().optional(),
    }),
  ),
})

export const toolsetListSchema = z.object({
  items: z.array(toolsetSchema),
  nextCursor: z.string().optional(),
})
