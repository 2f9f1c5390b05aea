import { type Command, InvalidArgumentError } from 'commander'

import { usageFailure } from '../command-failure.ts'
import { connectToGateway, contextOf } from '../context.ts'
import type { ServerView } from '../gateway-client/gateway-client.ts'
import type { ServerInput } from '../gateway-client/server-input.ts'
import { examplesHelp } from '../output/examples.ts'
import { printable } from '../output/printable.ts'
import { redactedServer } from '../output/redact.ts'
import { untilProbed } from '../until-probed.ts'
import { serverDetails } from './show.ts'

interface AddOptions {
  readonly header?: Readonly<Record<string, string>>
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly title?: string
  readonly description?: string
  readonly tag?: readonly string[]
  readonly transport?: 'streamable-http' | 'sse'
  readonly wait: boolean
}

/** `mreg add NAME URL` and `mreg add NAME -- COMMAND …`: registers a server. */
export const registerAdd = (program: Command): void => {
  program
    .command('add')
    .summary('register a server')
    .description(
      'Registers an MCP server under a name: one that listens at a URL, or one that is started by a command.\nThe name is 1 to 20 of a-z, 0-9 and "-"; it becomes part of the URL that clients use and never changes.\nA server that is down is registered all the same; its state says so.',
    )
    .usage('[options] <name> <url>\n       mreg add [options] <name> -- <command> [arguments...]')
    .argument('<name>', 'the name to register it under')
    .argument('<address...>', 'a URL; or, after --, a command with its arguments')
    .option(
      '-H, --header <header>',
      'a header to send with each request, such as "Authorization: Bearer …"; kept encrypted',
      headerOption,
    )
    .option(
      '-e, --env <variable>',
      'NAME=VALUE for the environment of the command, or NAME to take the present value; kept encrypted',
      environmentOption,
    )
    .option('--cwd <directory>', 'the directory in which the command runs')
    .option('--transport <transport>', 'streamable-http (default) or sse', transportOption)
    .option('--title <text>', 'its name for people')
    .option('--description <text>', 'what it is for')
    .option('--tag <tag>', 'a tag; may be given several times', collect)
    .option('--no-wait', 'do not wait until it has been asked whether it works')
    .addHelpText(
      'after',
      examplesHelp([
        ['mreg add everything http://127.0.0.1:3001/mcp', 'a server that listens'],
        [
          `mreg add github https://api.githubcopilot.com/mcp/ --header "Authorization: Bearer $GITHUB_TOKEN"`,
          'one that wants a key',
        ],
        [
          'mreg add files -- npx -y @modelcontextprotocol/server-filesystem ~/Documents',
          'one that is started by a command',
        ],
        [
          'mreg add search --env BRAVE_API_KEY -- npx -y @modelcontextprotocol/server-brave-search',
          'one whose key is in your environment',
        ],
      ]),
    )
    .action(async (name: string, address: string[], options: AddOptions, command: Command) => {
      const context = contextOf(command)
      const { output } = context
      const input = inputOf(name, address, options)
      const gateway = await connectToGateway(context)
      const registered = await gateway.register(input)
      const server = redactedServer(
        options.wait
          ? await output.during(`asking ${name} whether it works`, (progress) =>
              untilProbed(gateway, registered, {
                onWait: ({ endpoints }) => progress.update(waitText(name, endpoints)),
              }),
            )
          : registered,
      )
      output.result(server, () =>
        [
          `Registered ${name}. Clients reach it at ${gateway.gateway.url}/mcp/${name}`,
          '',
          serverDetails(output, server, gateway.gateway.url),
        ].join('\n'),
      )
    })
}

/** What is being waited for: the last words of a program that is being installed say it best. */
const waitText = (name: string, endpoints: ServerView['endpoints']): string => {
  const lastWords = endpoints.find(({ live }) => live?.state === 'starting')?.live?.lastErrorLine
  return lastWords === undefined
    ? `asking ${name} whether it works`
    : `starting ${name}: ${printable(lastWords)}`
}

/** What the gateway is asked to register. */
const inputOf = (name: string, address: readonly string[], options: AddOptions): ServerInput => {
  const [first = '', ...rest] = address
  const isUrl = /^https?:\/\//iu.test(first)
  if (/^(localhost|[\w-]+(\.[\w-]+)+)(:\d+)?\/|^[\w.-]+:\d+$/u.test(first))
    throw usageFailure(`${first} is neither a command nor a URL`, `A URL starts so: http://${first}`)
  const fields = {
    slug: name,
    ...(options.title === undefined ? {} : { title: options.title }),
    ...(options.description === undefined ? {} : { description: options.description }),
    ...(options.tag === undefined ? {} : { tags: [...options.tag] }),
  }
  if (isUrl) {
    if (rest.length > 0) throw usageFailure(`there is something after the URL: ${rest.join(' ')}`)
    if (options.env !== undefined || options.cwd !== undefined)
      throw usageFailure(
        '--env and --cwd are for servers that are started by a command; a URL takes --header',
      )
    return {
      ...fields,
      endpoints: [
        {
          transport: options.transport ?? 'streamable-http',
          url: first,
          ...(options.header === undefined ? {} : { headers: options.header }),
        },
      ],
    }
  }
  if (options.header !== undefined || options.transport !== undefined)
    throw usageFailure(
      '--header and --transport are for servers with a URL; a command takes --env',
      'A URL starts with http:// or https://',
    )
  return {
    ...fields,
    endpoints: [
      {
        transport: 'stdio',
        command: first,
        ...(rest.length === 0 ? {} : { args: rest }),
        ...(options.env === undefined ? {} : { env: options.env }),
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      },
    ],
  }
}

const headerOption = (
  text: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> => {
  const [, name, value] = /^([^:\s]+):\s*(.*)$/su.exec(text) ?? []
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError('A header is written as "Name: value".')
  return { ...before, [name]: value }
}

const environmentOption = (
  text: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> => {
  const at = text.indexOf('=')
  const name = at === -1 ? text : text.slice(0, at)
  const value = at === -1 ? process.env[name] : text.slice(at + 1)
  if (!/^[A-Za-z_]\w*$/u.test(name)) throw new InvalidArgumentError('A variable is written as NAME=VALUE.')
  if (value === undefined) throw new InvalidArgumentError(`${name} is not set here; give NAME=VALUE.`)
  return { ...before, [name]: value }
}

const transportOption = (text: string): 'streamable-http' | 'sse' => {
  if (text === 'streamable-http' || text === 'sse') return text
  throw new InvalidArgumentError('It is streamable-http or sse.')
}

const collect = (tag: string, before: readonly string[] = []): string[] => [...before, tag]
