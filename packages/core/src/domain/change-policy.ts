/** What becomes of a definition of a server (a tool, a prompt, a resource, a template) that nobody has approved. */
export interface ChangePolicy {
  /** One that is seen for the first time is served (`accept`), or held until it is approved (`quarantine`). */
  readonly onNew: 'accept' | 'quarantine'
  /**
   * One that differs from what was approved is approved by that (`accept`), served and marked until it is approved (`warn`), or
   * held until it is (`quarantine`).
   */
  readonly onChange: 'accept' | 'warn' | 'quarantine'
  /**
   * What clients have of one that is held: nothing, and calls of it are refused (`hide`), or what was approved before, which can
   * be called (`serve-last-approved`). What was never approved is hidden in either case.
   */
  readonly whileQuarantined: 'hide' | 'serve-last-approved'
}

/** What of a policy is set for one server. Whatever is undefined follows the gateway's. */
export type OwnChangePolicy = { readonly [Part in keyof ChangePolicy]?: ChangePolicy[Part] | undefined }

/** What holds for a server: what is set for it, else what holds for the gateway. */
export const changePolicyOf = (
  { changes }: { readonly changes?: OwnChangePolicy | undefined },
  gateway: ChangePolicy,
): ChangePolicy => ({
  onNew: changes?.onNew ?? gateway.onNew,
  onChange: changes?.onChange ?? gateway.onChange,
  whileQuarantined: changes?.whileQuarantined ?? gateway.whileQuarantined,
})

/** Whether something of a server may have to be held before clients see it. */
export const mayHold = ({ onNew, onChange }: ChangePolicy): boolean =>
  onNew === 'quarantine' || onChange === 'quarantine'
