import type { DefinitionChange, EventBus, GatewayEvents, Logger } from '@mreg/core'
import type { TenantSession } from '@mreg/db-pool'
import {
  AuditEventRepository,
  type CapabilityKind,
  CapabilityRepository,
  newEntityId,
  type Observation,
  type RegistryDatabase,
} from '@mreg/repositories'

import { definitionDiff } from './definition-diff.ts'
import { valueOf } from './flags/member-shapes.ts'

/** Whose definitions. */
export interface ObservedServer {
  readonly tenantId: string
  readonly serverId: string
  readonly slug: string
}

/** What is told of one look at a server. */
export interface ChangeReport {
  readonly server: ObservedServer
  readonly changes: readonly DefinitionChange[]
  readonly total: number
  /** What was noticed, with what it is about. */
  readonly flags: readonly { readonly kind: CapabilityKind; readonly name: string; readonly codes: string }[]
}

type SeenChange = DefinitionChange & {
  readonly previousHash: string | undefined
  readonly observedHash: string
}

/** The gateway itself: it saw what nobody did on purpose. */
const OBSERVER = 'gateway'
/** The most changes that are named one by one. */
const MAX_CHANGES = 100
/** The most whose differences are kept, and the most differences of each. */
const MAX_DIFFS = 20
const MAX_DIFFERENCES = 10
/** The longest name in a log line, and the most of them. */
const MAX_LOGGED = 10

/**
 * Notes in the audit log what is not as it was, in the transaction that takes it over: none of it is lost, and none is noted twice.
 *
 * @returns what is to be told when the transaction has ended; undefined: nothing.
 */
export const reportChanges = async (
  session: TenantSession<RegistryDatabase>,
  server: ObservedServer,
  observations: ReadonlyMap<CapabilityKind, Observation>,
): Promise<ChangeReport | undefined> => {
  const seen: SeenChange[] = [...observations].flatMap(([kind, { moves }]) =>
    moves
      .filter(({ previousHash, state }) => previousHash !== undefined || state === 'quarantined')
      .map(({ name, state, previousHash, observedHash }) => ({
        kind,
        name,
        state,
        previousHash,
        observedHash,
      })),
  )
  const flags = [...observations].flatMap(([kind, { flagged }]) =>
    flagged.map((each) => ({ kind, name: each.name, codes: each.flags.map(({ code }) => code).join(', ') })),
  )
  if (seen.length === 0 && flags.length === 0) return undefined
  const named = seen.slice(0, MAX_CHANGES)
  if (seen.length > 0)
    await new AuditEventRepository(session).append([
      {
        id: newEntityId(),
        principalId: OBSERVER,
        action: 'definitions.change',
        objectId: server.serverId,
        outcome: 'success',
        requestId: undefined,
        details: { server: server.slug, total: seen.length, changes: await withDifferences(session, named) },
      },
    ])
  const changes = named.map(({ kind, name, state }) => ({ kind, name, state }))
  return { server, changes, total: seen.length, flags }
}

/** Tells whoever wants to know, after what is told of was committed. */
export const tellChanges = (
  { server, changes, total, flags }: ChangeReport,
  { events, logger }: { readonly events: EventBus<GatewayEvents> | undefined; readonly logger: Logger },
): void => {
  const about = { tenant: server.tenantId, server: server.slug }
  if (total > 0) {
    const shown = changes.slice(0, MAX_LOGGED).map(({ kind, name, state }) => `${kind} ${name} (${state})`)
    logger.warn('a server has changed what it offers', { ...about, total, changes: shown })
    events?.emit('definitions-changed', { ...server, changes, total })
  }
  if (flags.length > 0) {
    const shown = flags.slice(0, MAX_LOGGED).map(({ kind, name, codes }) => `${kind} ${name}: ${codes}`)
    logger.warn('something about what a server offers stands out', {
      ...about,
      total: flags.length,
      flags: shown,
    })
  }
}

const withDifferences = async (
  session: TenantSession<RegistryDatabase>,
  changes: readonly SeenChange[],
): Promise<readonly object[]> => {
  const hashes = changes
    .slice(0, MAX_DIFFS)
    .flatMap(({ previousHash, observedHash }) => [
      ...(previousHash === undefined ? [] : [previousHash]),
      observedHash,
    ])
  const bodies = await new CapabilityRepository(session).definitions(hashes)
  return changes.map(({ previousHash, ...change }) => {
    const before = previousHash === undefined ? undefined : bodies.get(previousHash)
    const after = bodies.get(change.observedHash)
    if (before === undefined || after === undefined) return { ...change, previousHash }
    const { differences } = definitionDiff(valueOf({ bytes: before }), valueOf({ bytes: after }))
    return { ...change, previousHash, differences: differences.slice(0, MAX_DIFFERENCES) }
  })
}
