import type { CapabilityView } from '@mreg/registry'

import { CommandFailure } from '../command-failure.ts'
import { type Context, connectToGateway } from '../context.ts'
import { printable } from '../output/printable.ts'

/** What somebody decides about tools of a server. */
export interface ToolDecisions {
  readonly off?: readonly string[]
  readonly on?: readonly string[]
  readonly approve?: readonly string[]
}

/** Whether anything was decided. */
export const isDecided = ({ approve, off, on }: ToolDecisions): boolean =>
  [approve, off, on].some((names) => names !== undefined)

/** `mreg tools NAME --off | --on | --approve TOOL…`: decides, and shows what became of the tools. */
export const decideTools = async (
  slug: string,
  decisions: ToolDecisions,
  context: Context,
): Promise<void> => {
  const gateway = await connectToGateway(context)
  const decided: CapabilityView[] = []
  for (const [decision, names] of [
    ['disable', decisions.off],
    ['enable', decisions.on],
    ['approve', decisions.approve],
  ] as const)
    if (names !== undefined) decided.push(...(await gateway.decideTools(slug, decision, names)))
  context.output.result({ items: decided }, () => decided.map(stateLine).join('\n'))
}

/** `mreg tools NAME --review`: what waits for an approval, is switched off, or stands out. */
export const reviewTools = async (slug: string, context: Context): Promise<void> => {
  const gateway = await connectToGateway(context)
  const all = await gateway.capabilities(slug)
  if (all.length === 0) {
    throw new CommandFailure('not_seen_yet', `the gateway has not looked at what ${slug} offers yet`, {
      hints: [`mreg tools ${slug} asks it; clients of /mcp have it looked at too.`],
    })
  }
  const items = all.filter(({ flags, state }) => state !== 'accepted' || flags.length > 0)
  context.output.result({ items }, () =>
    items.length === 0
      ? `Nothing of what ${slug} offers waits for anybody.`
      : items.map((item) => [stateLine(item), ...detailsOf(item)].join('\n')).join('\n\n'),
  )
}

const STATE: Readonly<Record<CapabilityView['state'], string>> = {
  accepted: 'is served',
  changed: 'is served, and is not what was approved',
  quarantined: 'waits for an approval',
  disabled: 'is switched off',
  gone: 'is not offered any more',
}

const stateLine = ({ kind, name, state }: CapabilityView): string =>
  `${kind.replaceAll('_', ' ')} ${printable(name)} ${STATE[state]}`

const detailsOf = ({ flags, pending }: CapabilityView): readonly string[] => [
  ...flags.map(({ code, detail }) => `  ! ${code}: ${printable(detail)}`),
  ...(pending?.differences ?? []).flatMap(({ after, before, path }) => [
    `  ${printable(path)}`,
    ...(before === undefined ? [] : [`    - ${printable(before)}`]),
    ...(after === undefined ? [] : [`    + ${printable(after)}`]),
  ]),
  ...(pending?.isCut === true ? ['  … and more'] : []),
]
