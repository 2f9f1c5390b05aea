import type { CapabilityState } from '../schema/catalog-tables.ts'

/** What becomes of definitions that nobody has approved. */
export interface ChangeControl {
  /** Of one that is seen for the first time. */
  readonly onNew: 'accepted' | 'quarantined'
  /** Of one that differs from what was approved. `accepted` approves it. */
  readonly onChange: 'accepted' | 'changed' | 'quarantined'
}

/** Where a capability stands. */
export interface Standing {
  readonly observedHash: string
  readonly approvedHash: string | undefined
  readonly state: CapabilityState
}

/**
 * Where a capability stands after its server was seen to offer it with the definition `hash`. What was switched off stays so;
 * what is back as it was approved is as it was.
 *
 * @param before undefined: it was never seen.
 */
export const nextStanding = (
  before: Standing | undefined,
  hash: string,
  { onNew, onChange }: ChangeControl,
): Standing => {
  if (before?.state === 'disabled') return { ...before, observedHash: hash }
  const approved = before?.approvedHash
  if (approved === hash) return { observedHash: hash, approvedHash: hash, state: 'accepted' }
  // Whatever was seen meanwhile, one that was never approved is as new as on the first day.
  const state = approved === undefined ? onNew : onChange
  if (before?.observedHash === hash && before.state !== 'gone') return before
  return { observedHash: hash, approvedHash: state === 'accepted' ? hash : approved, state }
}

/**
 * What somebody decides about a capability. `approve` takes the definition that is offered now, and leaves off what is switched
 * off; `enable` takes back `disable`, and approves nothing.
 */
export type CapabilityDecision = 'approve' | 'enable' | 'disable'

/** Where a capability stands after somebody has decided about it. */
export const decidedStanding = (
  before: Standing,
  decision: CapabilityDecision,
  control: ChangeControl,
): Standing => {
  const { observedHash, approvedHash, state } = before
  if (decision === 'disable') return { observedHash, approvedHash, state: 'disabled' }
  if (decision === 'approve') {
    const stays = state === 'disabled' || state === 'gone'
    return { observedHash, approvedHash: observedHash, state: stays ? state : 'accepted' }
  }
  // As if it came back: what was put in its place meanwhile is a change like any other.
  return state === 'disabled' ? nextStanding({ ...before, state: 'gone' }, observedHash, control) : before
}
