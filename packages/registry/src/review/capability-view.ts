import type { CapabilityFlag, CapabilityRecord } from '@mreg/repositories'

import { type DefinitionDiff, definitionDiff } from '../catalog/definition-diff.ts'
import { valueOf } from '../catalog/flags/member-shapes.ts'

/** What a server offers, as the API shows it. */
export interface CapabilityView {
  readonly kind: CapabilityRecord['kind']
  /** What the server calls it. */
  readonly name: string
  /** What clients of merged endpoints call it; undefined: it was never shown to them. */
  readonly exposedName: string | undefined
  readonly state: CapabilityRecord['state']
  /** Whose list it is in; undefined: everybody's. */
  readonly principal: string | undefined
  /** Of the definition that was seen last. */
  readonly observedHash: string
  /** Of the definition that was approved; undefined: none was. */
  readonly approvedHash: string | undefined
  readonly firstSeenAt: string
  readonly lastSeenAt: string
  readonly flags: CapabilityFlag[]
  /** How what is offered differs from what was approved; undefined: it does not, or nothing was approved. */
  readonly pending: { differences: DefinitionDiff['differences'][number][]; isCut: boolean } | undefined
}

/** Whether somebody should look at it. */
export const isWaiting = ({ state }: Pick<CapabilityRecord, 'state'>): boolean =>
  state === 'changed' || state === 'quarantined'

/** @param bodies the definitions that were approved and seen, by hash. */
export const capabilityView = (
  record: CapabilityRecord,
  exposedName: string | undefined,
  bodies: ReadonlyMap<string, Uint8Array>,
): CapabilityView => {
  const { kind, name, state, scopeKey, observedHash, approvedHash } = record
  return {
    kind,
    name,
    exposedName,
    state,
    principal: scopeKey === '' ? undefined : scopeKey,
    observedHash,
    approvedHash,
    firstSeenAt: record.firstSeenAt.toISOString(),
    lastSeenAt: record.lastSeenAt.toISOString(),
    flags: [...record.flags],
    pending: pendingOf(record, bodies),
  }
}

const pendingOf = (
  { observedHash, approvedHash }: CapabilityRecord,
  bodies: ReadonlyMap<string, Uint8Array>,
): CapabilityView['pending'] => {
  const after = bodies.get(observedHash)
  const before =
    approvedHash === undefined || approvedHash === observedHash ? undefined : bodies.get(approvedHash)
  if (before === undefined || after === undefined) return undefined
  const { differences, isCut } = definitionDiff(valueOf({ bytes: before }), valueOf({ bytes: after }))
  return { differences: [...differences], isCut }
}
