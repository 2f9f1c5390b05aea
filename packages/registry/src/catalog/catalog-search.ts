import { argumentNames } from './argument-names.ts'
import { textIn } from './json-members.ts'
import type { CatalogEntry } from './server-block.ts'

/** How much a word counts, by where it stands. */
const WEIGHT = { name: 5, title: 3, description: 1, argument: 1 } as const
/** How much a word counts that only begins with what is looked for. */
const BEGINNING = 0.5
const MAX_TERMS = 12
/** Words of one definition that are indexed at most; what goes beyond is not found. */
const MAX_WORDS = 400

interface Posting {
  readonly position: number
  readonly weight: number
}

/**
 * Ranked search for tools, prompts or resources by the words of their names, titles, descriptions and arguments. A word that few
 * of them have counts for more; what fits more of the words comes first; what is equally good stands in the order of the catalog.
 */
export class CatalogSearch {
  readonly #entries: readonly CatalogEntry[]
  readonly #postings: ReadonlyMap<string, readonly Posting[]>
  /** All words, in order, for those that begin with what is looked for. */
  readonly #words: readonly string[]

  constructor(entries: readonly CatalogEntry[]) {
    this.#entries = entries
    const postings = new Map<string, Posting[]>()
    for (const [position, entry] of entries.entries()) {
      for (const [word, weight] of weightedWords(entry)) {
        const known = postings.get(word)
        if (known === undefined) postings.set(word, [{ position, weight }])
        else known.push({ position, weight })
      }
    }
    this.#postings = postings
    this.#words = [...postings.keys()].toSorted()
  }

  /**
   * Those that fit best, best first.
   *
   * @param query words; only the first twelve count. Without any, the first of the catalog.
   */
  find(query: string, limit: number): readonly CatalogEntry[] {
    const terms = [...new Set(wordsOf(query))].slice(0, MAX_TERMS)
    if (terms.length === 0) return this.#entries.slice(0, limit)
    const scores = new Map<number, number>()
    for (const term of terms) {
      for (const [position, weight] of this.#weightsOf(term))
        scores.set(position, (scores.get(position) ?? 0) + weight)
    }
    return [...scores]
      .toSorted(([one, first], [other, second]) => second - first || one - other)
      .slice(0, limit)
      .flatMap(([position]) => this.#entries[position] ?? [])
  }

  /** How much each of them fits one word, by its position: as much as its best word. */
  #weightsOf(term: string): ReadonlyMap<number, number> {
    const weights = new Map<number, number>()
    for (let at = firstFrom(this.#words, term); at < this.#words.length; at += 1) {
      const word = this.#words[at] ?? ''
      if (!word.startsWith(term)) break
      const postings = this.#postings.get(word) ?? []
      const rarity = Math.log(1 + this.#entries.length / postings.length)
      const factor = word === term ? rarity : rarity * BEGINNING
      for (const { position, weight } of postings)
        weights.set(position, Math.max(weights.get(position) ?? 0, weight * factor))
    }
    return weights
  }
}

const weightedWords = ({ exposed, definition, bytes }: CatalogEntry): ReadonlyMap<string, number> => {
  const weights = new Map<string, number>()
  const add = (text: string, weight: number): void => {
    for (const word of wordsOf(text)) {
      if (weights.size >= MAX_WORDS && !weights.has(word)) return
      weights.set(word, Math.max(weights.get(word) ?? 0, weight))
    }
  }
  const object: unknown = JSON.parse(Buffer.from(bytes).toString())
  add(`${exposed} ${definition.name} ${textIn(object, 'name') ?? ''}`, WEIGHT.name)
  add(textIn(object, 'title') ?? '', WEIGHT.title)
  add(argumentNames(object).slice(0, MAX_WORDS).join(' '), WEIGHT.argument)
  add(textIn(object, 'description') ?? '', WEIGHT.description)
  return weights
}

/** Words in lower case, of any script; `readFile` and `read_file` have the same. */
const wordsOf = (text: string): string[] =>
  text
    .normalize('NFKC')
    .replaceAll(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu) ?? []

/** Where in `words`, which are in order, those begin that are not before `term`. */
const firstFrom = (words: readonly string[], term: string): number => {
  let low = 0
  let high = words.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((words[middle] ?? '') < term) low = middle + 1
    else high = middle
  }
  return low
}
