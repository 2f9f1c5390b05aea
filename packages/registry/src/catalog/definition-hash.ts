import { hash } from 'node:crypto'

/** SHA-256 over a JSON value whose members were put in order; see {@link Definition.hash}. */
export const definitionHash = (value: unknown): string =>
  hash('sha256', JSON.stringify(ordered(value)), 'hex')

const ordered = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map((item) => ordered(item))
  if (typeof value !== 'object' || value === null) return value
  // Pairs, not members: one may be called __proto__, and one like "1" would come first. In an object, lest they pass for a list.
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return { members: members.map(([key, member]) => [key, ordered(member)]) }
}
