import { CommandFailure } from '../../command-failure.ts'
import { type Check, type Finding, ok, skipped, warning } from '../check.ts'

/** Cursor passes on so many tools. */
const FEW = 40
/** VS Code takes so many tools in a request. */
const MANY = 128

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
    const counts = await Promise.all(
      working.map(async ({ slug }) => {
        const tools = await facts.tools(slug)
        return { slug, count: CommandFailure.is(tools) ? 0 : tools.length }
      }),
    )
    const total = counts.reduce((sum, { count }) => sum + count, 0)
    return [judge(total, counts)]
  },
}

const judge = (total: number, counts: readonly { slug: string; count: number }[]): Finding => {
  if (total <= FEW) return ok(`${total} ${total === 1 ? 'tool' : 'tools'}, which every client can take`)
  const most = counts
    .toSorted((one, other) => other.count - one.count)
    .slice(0, 3)
    .map(({ slug, count }) => `${slug} (${count})`)
  return warning(
    total <= MANY
      ? `${total} tools: more than the ${FEW} that Cursor passes on`
      : `${total} tools: more than the ${MANY} that VS Code takes, and the ${FEW} that Cursor passes on`,
    `The most come from ${most.join(', ')}.`,
    'Connect a client only to the servers that it needs: mreg connect CLIENT NAME… --write',
  )
}
