/** How names are completed before they are asked for (resolv.conf(5)). */
export interface SearchRules {
  /** Domains that are appended to a name, in order. */
  readonly search: readonly string[]
  /** A name with fewer dots is completed first and asked for as it is last. */
  readonly ndots: number
}

const MAX_NDOTS = 15
const MAX_DOMAINS = 16

/** Reads the text of a `resolv.conf`. Of several `search` or `domain` lines the last counts. */
export const parseResolvConf = (text: string): SearchRules => {
  let search: readonly string[] = []
  let ndots = 1
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line.trim().split(/\s+/u)
    if (keyword === 'search') search = values
    else if (keyword === 'domain') search = values.slice(0, 1)
    else if (keyword === 'options') {
      for (const option of values) {
        const dots = /^ndots:(\d{1,3})$/u.exec(option)?.[1]
        if (dots !== undefined) ndots = Math.min(Number(dots), MAX_NDOTS)
      }
    }
  }
  return { search: search.slice(0, MAX_DOMAINS).map(withoutDots), ndots }
}

/** The names to ask for, in turn, when somebody asks for `name`. A final dot says that it is complete. */
export const candidatesOf = (name: string, { search, ndots }: SearchRules): readonly string[] => {
  if (name.endsWith('.')) return [name.slice(0, -1)]
  const completed = search.filter((domain) => domain !== '').map((domain) => `${name}.${domain}`)
  const dots = name.split('.').length - 1
  return dots >= ndots ? [name, ...completed] : [...completed, name]
}

const withoutDots = (domain: string): string => domain.toLowerCase().replaceAll(/^\.|\.$/gu, '')
