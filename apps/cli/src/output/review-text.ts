import type { CapabilityView } from '@mreg/registry'

import { CommandFailure } from '../command-failure.ts'
import type { GatewayClient } from '../gateway-client/gateway-client.ts'
import { printable } from './printable.ts'

/** What of a server somebody should look at, or has switched off. */
export interface ReviewNeeds {
  /** Changed, and served all the same, or held: both until somebody approves it. */
  readonly waiting: readonly string[]
  readonly off: readonly string[]
}

/** What of a server waits for an approval or is off; undefined: this key is not told. */
export const reviewNeeds = async (gateway: GatewayClient, slug: string): Promise<ReviewNeeds | undefined> => {
  try {
    return {
      waiting: namesOf(await gateway.capabilities(slug, 'waiting')),
      off: namesOf(await gateway.capabilities(slug, 'disabled')),
    }
  } catch (error) {
    // What waits is a note beside what was asked for.
    if (CommandFailure.is(error)) return undefined
    throw error
  }
}

/** The most names in one line. */
const MAX_NAMES = 5

/** Names in a line: `get-env, delete and 3 more`. */
export const nameList = (names: readonly string[]): string => {
  const shown = names.slice(0, MAX_NAMES).map((name) => printable(name))
  return names.length > MAX_NAMES
    ? `${shown.join(', ')} and ${names.length - MAX_NAMES} more`
    : shown.join(', ')
}

const namesOf = (capabilities: readonly CapabilityView[]): readonly string[] =>
  capabilities.map(({ kind, name }) => (kind === 'tool' ? name : `${kind.replaceAll('_', ' ')} ${name}`))
