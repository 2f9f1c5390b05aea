import type { ChangePolicy } from '@mreg/core'
import type { CapabilityRecord, ChangeControl } from '@mreg/repositories'

/** A policy as the repository wants it. */
export const changeControlOf = ({ onNew, onChange }: ChangePolicy): ChangeControl => ({
  onNew: onNew === 'accept' ? 'accepted' : 'quarantined',
  onChange: ({ accept: 'accepted', warn: 'changed', quarantine: 'quarantined' } as const)[onChange],
})

/** Which definition of a capability clients have; undefined: none. */
export const servedHash = (
  { state, observedHash, approvedHash }: CapabilityRecord,
  { whileQuarantined }: ChangePolicy,
): string | undefined => {
  if (state === 'gone' || state === 'disabled') return undefined
  if (state !== 'quarantined') return observedHash
  return whileQuarantined === 'serve-last-approved' ? approvedHash : undefined
}
