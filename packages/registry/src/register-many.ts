import { type Fault, MregError, ValidationError } from '@mreg/core'
import * as z from 'zod'

import type { ServerInput } from './server-input.ts'
import type { ServerView } from './server-view.ts'

/** What registers several servers at once. */
export const serversInputSchema = z.strictObject({
  mode: z
    .enum(['atomic', 'each'])
    .default('atomic')
    .describe(
      '"atomic": all of them or none. "each": every one that can be; the answer says what became of which.',
    ),
  items: z
    .array(z.custom<ServerInput>((value) => typeof value === 'object' && value !== null, 'must be an object'))
    .min(1)
    .max(1000)
    .describe('Each as POST /api/v1/servers takes it.'),
})

/** @see serversInputSchema */
export type ServersInput = z.input<typeof serversInputSchema>

/** What became of one: `server`, or `problem`. */
export interface RegistrationOutcome {
  readonly slug: string | undefined
  readonly server?: ServerView
  readonly problem?: { readonly code: string; readonly detail: string; readonly faults?: Fault[] }
}

/** What became of several, in the order in which they were given. */
export interface RegisteredServers {
  readonly registered: number
  readonly refused: number
  readonly items: RegistrationOutcome[]
}

/** Registers one after the other; what is refused keeps none of the others from being registered. */
export const registerEach = async (
  inputs: readonly ServerInput[],
  register: (input: ServerInput) => Promise<ServerView>,
): Promise<RegisteredServers> => {
  const items: RegistrationOutcome[] = []
  for (const input of inputs) {
    try {
      const server = await register(input)
      items.push({ slug: server.slug, server })
    } catch (error) {
      // What is not about this one, such as a database that is away, is about the others too.
      if (!MregError.is(error) || error.kind === 'unavailable') throw error
      items.push({ slug: slugOf(input), problem: problemOf(error) })
    }
  }
  const refused = items.filter(({ problem }) => problem !== undefined).length
  return { registered: items.length - refused, refused, items }
}

/** Every one of `servers` was registered. */
export const allRegistered = (servers: readonly ServerView[]): RegisteredServers => ({
  registered: servers.length,
  refused: 0,
  items: servers.map((server) => ({ slug: server.slug, server })),
})

/**
 * What `admit` makes of each.
 *
 * @throws {ValidationError} with the faults of all that are wrong, their paths from the whole input.
 */
export const admitAll = <Admitted>(
  inputs: readonly ServerInput[],
  admit: (input: ServerInput) => Admitted,
): Admitted[] => {
  const faults: Fault[] = []
  const admitted = inputs.flatMap((input, index) => {
    try {
      return [admit(input)]
    } catch (error) {
      if (!ValidationError.is(error)) throw error
      for (const { message, path } of error.faults)
        faults.push({ path: ['items', index, ...(path === '' ? [] : [path])].join('.'), message })
      return []
    }
  })
  if (faults.length > 0) throw new ValidationError(faults)
  return admitted
}

const problemOf = (error: MregError): NonNullable<RegistrationOutcome['problem']> => ({
  code: error.code,
  detail: error.message,
  ...(ValidationError.is(error) ? { faults: [...error.faults] } : {}),
})

const slugOf = (input: unknown): string | undefined =>
  typeof input === 'object' && input !== null && 'slug' in input && typeof input.slug === 'string'
    ? input.slug.slice(0, 64)
    : undefined
