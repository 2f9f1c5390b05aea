import type { ExplainedEndpoint, ExplainedStep, Explanation } from '@mreg/proxy'
import type { Command } from 'commander'

import { connectToGateway, contextOf } from '../context.ts'
import { examplesHelp } from '../output/examples.ts'
import type { Output } from '../output/output.ts'
import { printable } from '../output/printable.ts'
import { redactedUrl } from '../output/redact.ts'

interface ExplainOptions {
  readonly principal?: string
  readonly set?: string
  readonly server?: string
  readonly kind?: string
}

/** `mreg explain NAME`: why a caller sees a tool or does not, and where a call of it would go. */
export const registerExplain = (program: Command): void => {
  program
    .command('explain')
    .summary('say why a caller sees a tool or does not')
    .description(
      'Says, step by step, why a caller sees a tool, a prompt or a resource or does not, by whose rule, and to which endpoint a call would go. Calls nothing, and changes nothing.',
    )
    .argument('<name>', 'what the caller calls it: a name, or the URI of a resource')
    .option('-p, --principal <caller>', 'an API key by name or id, admin, or local (without a key)', 'local')
    .option('--set <set>', 'as it is in a toolset, at /mcp/sets/SET')
    .option('--server <server>', 'as it is at /mcp/SERVER, by the server’s own names')
    .option('--kind <kind>', 'only tool, prompt, resource or resource_template')
    .addHelpText(
      'after',
      examplesHelp([
        ['mreg explain everything__echo', 'for a client of /mcp that comes without a key'],
        ['mreg explain everything__echo --principal ci', 'for the one with the API key ci'],
        ['mreg explain echo --server everything', 'for a client of /mcp/everything'],
        ['mreg explain say --set writers --json', 'in a toolset, for a script'],
      ]),
    )
    .action(async (name: string, options: ExplainOptions, command: Command) => {
      const context = contextOf(command)
      const { output } = context
      const gateway = await connectToGateway(context)
      const explanation = withoutSecrets(await gateway.explain({ name, ...options }))
      output.result(explanation, () => explanationText(explanation, output))
    })
}

const MARKS: Readonly<Record<ExplainedStep['outcome'], readonly [string, Parameters<Output['style']>[0]]>> = {
  ok: ['✓', 'green'],
  warning: ['!', 'yellow'],
  no: ['✗', 'red'],
}

const explanationText = (explanation: Explanation, output: Output): string => {
  const { caller, endpoints, isCallable, isShown, name, path, steps, summary } = explanation
  const steplines = steps.map(({ check, outcome, text }) => {
    const [mark, style] = MARKS[outcome]
    return `${output.style(style, mark)} ${check.padEnd(9)} ${printable(text)}`
  })
  const others =
    endpoints.length > 1 ? ['', 'Endpoints:', ...endpoints.map((each) => endpointLine(each))] : []
  const verdict = `${isShown ? 'Shown' : 'Not shown'}, ${isCallable ? 'and can be called' : 'and cannot be called'}.`
  return [
    `${output.style('bold', printable(name))} at ${path}, for ${printable(caller.title)}`,
    '',
    ...steplines,
    ...others,
    '',
    `${verdict} ${printable(summary)}`,
  ].join('\n')
}

const endpointLine = ({ address, id, isChosen, text }: ExplainedEndpoint): string =>
  `  ${isChosen ? '→' : ' '} ${printable(address ?? id)}  ${printable(text)}`

/** Addresses may hold secrets that were put there. */
const withoutSecrets = (explanation: Explanation): Explanation => {
  const blotted = (text: string): string =>
    explanation.endpoints.reduce(
      (rest, { address }) =>
        address?.includes('://') === true ? rest.replaceAll(address, redactedUrl(address)) : rest,
      text,
    )
  return {
    ...explanation,
    summary: blotted(explanation.summary),
    steps: explanation.steps.map((step) => ({ ...step, text: blotted(step.text) })),
    endpoints: explanation.endpoints.map((endpoint) =>
      endpoint.address === undefined ? endpoint : { ...endpoint, address: blotted(endpoint.address) },
    ),
  }
}
