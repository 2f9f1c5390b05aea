import type { AuditView } from '@mreg/access'
import { type Command, InvalidArgumentError } from 'commander'

import { connectToGateway, contextOf } from '../context.ts'
import { examplesHelp } from '../output/examples.ts'
import { duration } from './duration.ts'

interface AuditOptions {
  readonly principal?: string
  readonly action?: string
  readonly object?: string
  readonly since?: number
  readonly limit: string
}

/** `mreg audit`: who did what. */
export const registerAudit = (program: Command): void => {
  program
    .command('audit')
    .summary('see who did what, and what came of it')
    .description(
      'Shows the newest audit events: changes, refusals, calls of tools. GET /api/v1/audit/export gives all of them.',
    )
    .option('--principal <id>', 'only what this one did')
    .option('--action <action>', 'only this, such as tools/call or "POST /servers"')
    .option('--object <id>', 'only what was done to this, such as github/create_issue')
    .option('--since <time>', 'only what is not older, such as 1h or 7d', duration)
    .option('--limit <count>', 'how many at most, up to 200', count, '50')
    .addHelpText(
      'after',
      examplesHelp([
        ['mreg audit', 'the last 50'],
        ['mreg audit --action tools/call --since 1h', 'who called tools in the last hour'],
        ['mreg audit --json', 'with all details'],
      ]),
    )
    .action(async ({ action, limit, object, principal, since }: AuditOptions, command: Command) => {
      const context = contextOf(command)
      const items = await (
        await connectToGateway(context)
      ).audit({
        principalId: principal,
        action,
        objectId: object,
        from: since === undefined ? undefined : new Date(Date.now() - since).toISOString(),
        limit,
      })
      context.output.result({ items }, () =>
        items.length === 0
          ? 'There is nothing.'
          : context.output.table<AuditView>(
              [
                { title: 'WHEN', value: ({ occurredAt }) => occurredAt.slice(0, 19).replace('T', ' ') },
                { title: 'WHO', value: ({ principalId }) => principalId },
                { title: 'WHAT', value: ({ action: what }) => what },
                { title: 'ON', value: ({ objectId = '' }) => objectId, flexible: true },
                { title: 'OUTCOME', value: ({ outcome }) => outcome },
              ],
              items,
            ),
      )
    })
}

const count = (text: string): string => {
  const number = Number(text)
  if (Number.isInteger(number) && number >= 1 && number <= 200) return text
  throw new InvalidArgumentError('It is a number from 1 to 200.')
}
