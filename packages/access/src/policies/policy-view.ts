import type { PolicyRecord } from '@mreg/repositories'

/** A policy as whoever administers policies sees it. */
export interface PolicyView {
  readonly id: string
  readonly name: string
  readonly subject: { readonly kind: 'tenant' | 'role' | 'key'; readonly id?: string }
  readonly rules: Readonly<Record<string, unknown>>
  /** Who may change it: `api`, `file:<id>` or `sync:<source>`. */
  readonly managedBy: string
  readonly revision: number
  readonly createdAt: string
  readonly updatedAt: string
}

export const policyView = (record: PolicyRecord): PolicyView => {
  const { kind, id } = record.subject
  return {
    id: record.id,
    name: record.name,
    subject: kind === 'tenant' ? { kind } : { kind, id },
    rules: record.rules,
    managedBy: record.managedBy,
    revision: record.revision,
    createdAt: record.createdAt.toISOString(),
    updatedAt: record.updatedAt.toISOString(),
  }
}
