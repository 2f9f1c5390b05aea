import { printable } from './printable.ts'

/** How much a server or a toolset offers. */
interface Offer {
  readonly tools: number
  readonly estimatedTokens: number
}

/** Clients that stop at a number of tools, the strictest first. */
const CLIENT_LIMITS = [
  { tools: 40, client: 'Cursor' },
  { tools: 128, client: 'VS Code' },
] as const

/** How much it is, for people: `12 tools, about 3,400 tokens`. */
export const offerText = ({ tools, estimatedTokens }: Offer): string =>
  `${tools} ${tools === 1 ? 'tool' : 'tools'}, about ${estimatedTokens.toLocaleString('en')} tokens`

/** Which clients do not take so many tools; undefined: every client takes them. */
export const limitText = (tools: number): string | undefined => {
  const exceeded = CLIENT_LIMITS.filter((limit) => tools > limit.tools)
  if (exceeded.length === 0) return undefined
  return `more than ${exceeded.map((limit) => `the ${limit.tools} that ${limit.client} takes`).join(' and ')}`
}

/** About how many tokens definitions are that came over the wire: a quarter of their bytes. */
export const offerOf = (tools: readonly unknown[]): Offer => {
  const bytes = tools.reduce<number>((sum, tool) => sum + Buffer.byteLength(JSON.stringify(tool)), 0)
  return { tools: tools.length, estimatedTokens: Math.ceil(bytes / 4) }
}

/** A line about what is known to be more than clients take, for each of `named`. */
export const warningsFor = (
  named: readonly { readonly name: string; readonly offer?: Offer | undefined }[],
): string[] =>
  named.flatMap(({ name, offer }) => {
    const limit = offer && limitText(offer.tools)
    return limit === undefined ? [] : [`${printable(name)}: ${offer?.tools} tools, ${limit}.`]
  })
