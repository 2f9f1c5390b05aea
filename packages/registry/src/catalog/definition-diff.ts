import { asciiText, visibleText } from './flags/hidden-characters.ts'
import { latinLetters } from './flags/look-alike-key.ts'

/** One place at which two definitions differ. */
export interface Difference {
  /** Where, such as `description` or `inputSchema.properties.path.type`. */
  readonly path: string
  /** The JSON text that was there, everything in it visible; undefined: nothing was. */
  readonly before: string | undefined
  /** What is there now; undefined: nothing is. */
  readonly after: string | undefined
}

/** Where two definitions differ. */
export interface DefinitionDiff {
  readonly differences: readonly Difference[]
  /** Whether there are more than are shown. */
  readonly isCut: boolean
}

/** The most places that are shown. */
const MAX_DIFFERENCES = 50
/** The longest text of one side, in characters; a longer one is cut at its end, and says so. */
const MAX_TEXT = 2000

/** Where the JSON value `after` differs from `before`, in the order of `before`. The order of members does not count. */
export const definitionDiff = (before: unknown, after: unknown): DefinitionDiff => {
  const differences: Difference[] = []
  compare('', before, after, differences)
  return {
    differences: differences.slice(0, MAX_DIFFERENCES),
    isCut: differences.length > MAX_DIFFERENCES,
  }
}

const compare = (path: string, before: unknown, after: unknown, into: Difference[]): void => {
  if (into.length > MAX_DIFFERENCES || Object.is(before, after)) return
  if (isContainer(before) && isContainer(after) && Array.isArray(before) === Array.isArray(after)) {
    const [were, are] = [new Map(Object.entries(before)), new Map(Object.entries(after))]
    for (const key of new Set([...were.keys(), ...are.keys()]))
      compare(join(path, key, Array.isArray(before)), were.get(key), are.get(key), into)
    return
  }
  const [was, is] = [jsonText(before), jsonText(after)]
  // Two that a person could not tell apart are shown letter by letter.
  const isAlike = was !== undefined && is !== undefined && latinLetters(was) === latinLetters(is)
  const show = isAlike ? asciiText : visibleText
  into.push({ path: path || '(all)', before: shown(was, show), after: shown(is, show) })
}

const join = (path: string, key: string, isIndex: boolean): string => {
  const name = visibleText(key.slice(0, 100))
  if (isIndex) return `${path}[${name}]`
  return path === '' ? name : `${path}.${name}`
}

const isContainer = (value: unknown): value is object => typeof value === 'object' && value !== null

const jsonText = (value: unknown): string | undefined =>
  value === undefined || typeof value === 'string' ? value : JSON.stringify(value)

const shown = (text: string | undefined, show: (text: string) => string): string | undefined => {
  if (text === undefined || text.length <= MAX_TEXT) return text && show(text)
  return `${show(text.slice(0, MAX_TEXT))}… (${text.length - MAX_TEXT} more)`
}
