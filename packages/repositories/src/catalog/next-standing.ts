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
