import { ROWS } from './cells.ts'
import { CLIENTS } from './clients.ts'
import { SERVERS } from './servers.ts'

/** The name of a cell. */
export const cellOf = (client: string, server: string, what: string): string =>
  [client, server, what].join(' / ')

/** The matrix as a document, from the cells that were proved. */
export const documentOf = (proved: ReadonlySet<string>): string => {
  const reasons = [...new Set(SERVERS.flatMap(({ impossible }) => Object.values(impossible)))]
  const mark = (client: string, { impossible, server }: (typeof SERVERS)[number], what: string): string => {
    const reason = impossible[what]
    if (reason !== undefined) return `(${reasons.indexOf(reason) + 1})`
    return proved.has(cellOf(client, server, what)) ? 'yes' : 'NO'
  }
  const tables = CLIENTS.map(({ client }) => {
    const head = [client, ...SERVERS.map(({ server }) => server)]
    const rows = ROWS.map(({ what }) => [what, ...SERVERS.map((server) => mark(client, server, what))])
    return table([head, ...rows])
  })
  return [
    '# Any client to any server',
    INTRODUCTION,
    ...tables,
    'What cannot be:',
    reasons.map((reason, index) => `${index + 1}. ${reason[0]?.toUpperCase()}${reason.slice(1)}.`).join('\n'),
    LIMITS,
    '',
  ]
    .join('\n\n')
    .replace(/\n+$/u, '\n')
}

const INTRODUCTION = `What works between the clients of the official SDKs and servers of both eras of the protocol, through \`/mcp/{slug}\`. Each
cell is a test with a real client and a real server (\`packages/proxy/test/bridge-matrix.test.ts\`), which writes this page
when it is run with \`--update\`.`

const LIMITS = `Between the eras, whatever the transport: tasks are not offered, because each era means something else by them; what a
server asks outside of any call reaches no client of the newer era; and a client of the newer era is not told that an
elicitation by URL is complete, as that era has no such message.`

const table = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_cell, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const [head = [], ...body] = rows
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n')
}
