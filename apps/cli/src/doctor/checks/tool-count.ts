import { CommandFailure } from '../../command-failure.ts'
import { limitText, offerOf, offerText, warningsFor } from '../../output/offer-text.ts'
import { type Check, type Finding, ok, skipped, warning } from '../check.ts'

/** More tools than clients pass on to their models. */
export const toolCount: Check = {
  name: 'tool-count',
  title: 'Tools',
  needsServers: true,
  run: async (facts) => {
    const working = (await facts.serversIfAny()).filter(
      ({ status }) => status === 'healthy' || status === 'degraded',
    )
    if (working.length === 0) return [skipped('no server works')]
    const offers = await Promise.all(
      working.map(async ({ slug }) => {
        const tools = await facts.tools(slug)
        return { slug, ...offerOf(CommandFailure.is(tools) ? [] : tools) }
      }),
    )
    const toolsets = (await facts.toolsetsIfAny()).map(({ slug, offer }) => ({ name: `sets/${slug}`, offer }))
    return [judge(offers), ...warningsFor(toolsets).map((text) => warning(text))]
  },
}

interface ServerOffer {
  readonly slug: string
  readonly tools: number
  readonly estimatedTokens: number
}

const judge = (offers: readonly ServerOffer[]): Finding => {
  const tools = sumOf(offers.map((offer) => offer.tools))
  const whole = offerText({ tools, estimatedTokens: sumOf(offers.map((offer) => offer.estimatedTokens)) })
  const limit = limitText(tools)
  if (limit === undefined) return ok(`${whole}, which every client can take`)
  const most = offers
    .toSorted((one, other) => other.tools - one.tools)
    .slice(0, 3)
    .map((offer) => `${offer.slug} (${offer.tools})`)
  return warning(
    `${whole}: ${limit}`,
    `The most come from ${most.join(', ')}.`,
    'Connect a client only to the servers that it needs: mreg connect CLIENT NAME… --write',
  )
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0)
