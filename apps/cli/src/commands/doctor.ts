import type { Command } from 'commander'

import { CommandFailure } from '../command-failure.ts'
import { type Context, contextOf } from '../context.ts'
import { type Check, type Finding, skipped } from '../doctor/check.ts'
import { CHECKS } from '../doctor/checks.ts'
import { Facts } from '../doctor/facts.ts'
import { EXIT_CODE } from '../exit-code.ts'
import { GatewayRefusal } from '../gateway-client/gateway-refusal.ts'
import { examplesHelp } from '../output/examples.ts'
import type { Output } from '../output/output.ts'
import { printable } from '../output/printable.ts'

/** What one check has found. */
interface Examined {
  readonly check: string
  readonly title: string
  readonly findings: readonly Finding[]
}

/** `mreg doctor [NAME]`: finds what is wrong, and says what to do. */
export const registerDoctor = (program: Command): void => {
  program
    .command('doctor')
    .summary('find out what is wrong, and how to mend it')
    .description(
      'Looks for what commonly goes wrong: a taken port, no gateway, a wrong key, an old Node.js, a missing command, no network for npx, wanted credentials, a wrong path, proxies and certificates, revisions of the protocol that do not fit, too many tools, definitions that wait for an approval. Changes nothing. The exit code is 1 when something does not work.',
    )
    .argument('[name]', 'only this server')
    .addHelpText(
      'after',
      examplesHelp([
        ['mreg doctor', 'everything'],
        ['mreg doctor github', 'why this server does not work'],
      ]),
    )
    .action(async (name: string | undefined, _options: object, command: Command) => {
      const context = contextOf(command)
      const { output } = context
      const examined = await examine(name, context)
      const count = examined
        .flatMap(({ findings }) => findings)
        .filter(({ status }) => status === 'problem').length
      output.result({ problems: count, checks: examined }, () => doctorText(examined, count, output))
      if (count > 0) process.exitCode = EXIT_CODE.failed
    })
}

const examine = async (name: string | undefined, context: Context): Promise<Examined[]> => {
  const facts = new Facts(context, name)
  const servers = name === undefined ? undefined : await facts.servers()
  if (servers !== undefined && GatewayRefusal.is(servers) && servers.problem.status === 404) throw servers
  return context.output.during('examining', async (progress) => {
    const examined: Examined[] = []
    for (const check of CHECKS) {
      progress.update(`examining: ${check.title}`)
      examined.push({ check: check.name, title: check.title, findings: await findingsOf(check, facts) })
    }
    return examined
  })
}

const findingsOf = async (check: Check, facts: Facts): Promise<Finding[]> => {
  if (check.needsServers === true && CommandFailure.is(await facts.servers()))
    return [skipped('what is registered cannot be seen (above)')]
  try {
    return await check.run(facts)
  } catch (error) {
    // One that fails must not keep the others from being made.
    return [skipped(`this could not be examined: ${error instanceof Error ? error.message : String(error)}`)]
  }
}

const MARKS: Readonly<Record<Finding['status'], readonly [string, Parameters<Output['style']>[0]]>> = {
  ok: ['✓', 'green'],
  warning: ['!', 'yellow'],
  problem: ['✗', 'red'],
  skipped: ['-', 'dim'],
}

const doctorText = (examined: readonly Examined[], count: number, output: Output): string => {
  const lines = examined.flatMap(({ title, findings }) =>
    findings.flatMap(({ status, text, mend = [] }, index) => {
      const [mark, style] = MARKS[status]
      return [
        `${output.style(style, mark)} ${(index === 0 ? title : '').padEnd(12)} ${printable(text)}`,
        ...mend.map((line) => `${' '.repeat(17)}${line}`),
      ]
    }),
  )
  const verdict =
    count === 0
      ? 'Nothing is wrong.'
      : `${count} ${count === 1 ? 'thing does' : 'things do'} not work; what to do stands beside it.`
  return [...lines, '', verdict].join('\n')
}
