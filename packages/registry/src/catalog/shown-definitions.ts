import type { ChangePolicy } from '@mreg/core'
import type { TenantSession } from '@mreg/db-pool'
import { type CapabilityRecord, CapabilityRepository, type RegistryDatabase } from '@mreg/repositories'

import { allPages } from './all-pages.ts'
import { servedHash } from './change-control.ts'
import type { Definition, DefinitionKind, DefinitionMarks } from './definition.ts'

type Session = TenantSession<RegistryDatabase>

/** What clients have of a server. */
export interface Shown {
  readonly definitions: readonly Definition[]
  /** When the server itself offered any of its entries last, to within an hour. */
  readonly seenAt: Date
}

/**
 * What clients have of a server, in the order in which it was offered, as far as that is known; undefined when nothing was ever
 * kept of it.
 *
 * @param offered definitions that are here already.
 */
export const shownDefinitions = async (
  session: Session,
  { serverId, scopeKey }: { readonly serverId: string; readonly scopeKey: string },
  policy: ChangePolicy,
  offered: readonly Definition[] = [],
): Promise<Shown | undefined> => {
  const capabilities = new CapabilityRepository(session)
  const records = await allPages((page) => capabilities.listForServer(serverId, { ...page, scopeKey }))
  const bodies = new Map(offered.map(({ hash, bytes }) => [hash, bytes]))
  const served: (readonly [CapabilityRecord, string])[] = []
  if (records.length === 0) return undefined
  const disabled = new Set((await capabilities.disabledIn(serverId)).map(keyOf))
  for (const record of records) {
    const hash = disabled.has(keyOf(record)) ? undefined : servedHash(record, policy)
    if (hash !== undefined) served.push([record, hash])
  }
  const missing = served.map(([, hash]) => hash).filter((hash) => !bodies.has(hash))
  if (missing.length > 0)
    for (const [hash, bytes] of await capabilities.definitions(missing)) bodies.set(hash, bytes)
  const places = new Map(offered.map((definition, place) => [keyOf(definition), place]))
  const definitions = served
    .flatMap(([record, hash]) => {
      const bytes = bodies.get(hash)
      const { kind, name } = record
      return bytes === undefined ? [] : [{ kind, name, bytes, hash, marks: marksOf(record) }]
    })
    .toSorted((a, b) => (places.get(keyOf(a)) ?? Infinity) - (places.get(keyOf(b)) ?? Infinity) || 0)
  return { definitions, seenAt: new Date(Math.max(...records.map(({ lastSeenAt }) => lastSeenAt.getTime()))) }
}

const marksOf = ({ state, flags }: CapabilityRecord): DefinitionMarks | undefined => {
  const marks: DefinitionMarks = {
    ...(state === 'changed' || state === 'quarantined' ? { state } : {}),
    ...(flags.length === 0 ? {} : { flags }),
  }
  return marks.state === undefined && marks.flags === undefined ? undefined : marks
}

const keyOf = ({ kind, name }: { readonly kind: DefinitionKind; readonly name: string }): string =>
  `${kind} ${name}`
