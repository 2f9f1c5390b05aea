import { createHash } from 'node:crypto'

import { RESERVED_SLUGS } from '@mreg/core'

const LONGEST = 20
const HASH_LENGTH = 6

/**
 * The names under which servers are registered, from the names that a client has for them. The same file always gives
 * the same: `GitHub` becomes `github`, `io.github.acme/files` becomes `files`, and what is too long, or taken by another
 * name of the file, ends with a hash of its name.
 */
export const slugsForNames = (names: readonly string[]): Map<string, string> => {
  const owners = new Map<string, string>()
  // Whoever is called just like its slug owns it; else who comes first in the alphabet.
  for (const name of names.toSorted(byCodePoint)) {
    const slug = plainSlug(name)
    const owner = owners.get(slug)
    if (owner === undefined || name === slug) owners.set(slug, name)
  }
  return new Map(
    names.map((name) => {
      const slug = plainSlug(name)
      return [name, owners.get(slug) === name ? slug : hashedSlug(slug, name)]
    }),
  )
}

const plainSlug = (name: string): string => {
  const last = name.split('/').findLast((part) => slugOf(part) !== '') ?? ''
  const slug = slugOf(last)
  return slug === '' || slug.length > LONGEST || RESERVED_SLUGS.has(slug) ? hashedSlug(slug, name) : slug
}

const slugOf = (text: string): string =>
  text
    .normalize('NFKD')
    .replaceAll(/\p{Mark}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z\d]+/gu, '-')
    .replaceAll(/^-+|-+$/gu, '')

const hashedSlug = (slug: string, name: string): string => {
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_LENGTH)
  const start = slug.slice(0, LONGEST - HASH_LENGTH - 1).replace(/-+$/u, '')
  return `${start === '' ? 'server' : start}-${hash}`
}

const byCodePoint = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)
