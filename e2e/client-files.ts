import type { NpmServer } from './npm-servers.ts'

/** The definition of a server in the file of a client. */
export const definitionOf = ({ args = [], env, package: name }: NpmServer): object => ({
  command: 'npx',
  args: ['-y', name, ...args],
  ...(env === undefined ? {} : { env }),
})

const indented = (value: unknown, by: string): string =>
  JSON.stringify(value, null, 2).replaceAll('\n', `\n${by}`)

const found = (servers: readonly NpmServer[], name: string): object => {
  const server = servers.find((each) => each.name === name)
  if (server === undefined) throw new Error(`no server is called ${name}`)
  return definitionOf(server)
}

/** A copy of the file that a client has, and what of it the gateway is to take over. */
export interface ClientFile {
  readonly client: 'claude-desktop' | 'claude-code' | 'cursor' | 'vscode'
  /** Below the home of the user. */
  readonly path: string
  readonly bytes: Buffer
  readonly servers: readonly string[]
  /** What must be there afterwards, as it was. */
  readonly kept: readonly string[]
}

/** Files as their clients and their users write them: with comments, commas at the end, tabs, CRLF, a byte order mark. */
export const clientFiles = (servers: readonly NpmServer[], httpUrl: string): readonly ClientFile[] => [
  {
    client: 'claude-desktop',
    path: '.config/Claude/claude_desktop_config.json',
    servers: ['everything', 'memory'],
    kept: ['"globalShortcut": "Ctrl+Space"', '"not-ours"'],
    bytes: Buffer.from(
      `${JSON.stringify(
        {
          globalShortcut: 'Ctrl+Space',
          mcpServers: {
            everything: found(servers, 'everything'),
            memory: found(servers, 'memory'),
            'not-ours': { command: 'some-program', args: ['--flag'] },
          },
          isUsingBuiltInNodeForMcp: true,
        },
        null,
        2,
      )}\n`,
    ),
  },
  {
    client: 'claude-code',
    path: '.claude.json',
    servers: ['filesystem', 'everything-http'],
    kept: ['"numStartups": 42', '"tipsHistory"', '"projects"'],
    bytes: Buffer.from(
      JSON.stringify(
        {
          numStartups: 42,
          tipsHistory: { 'new-user-warmup': 1 },
          mcpServers: {
            filesystem: { type: 'stdio', ...found(servers, 'filesystem') },
            'everything-http': { type: 'http', url: httpUrl },
          },
          projects: { '/home/me/shop': { allowedTools: [], mcpServers: {} } },
        },
        null,
        2,
      ),
    ),
  },
  {
    client: 'cursor',
    path: '.cursor/mcp.json',
    servers: ['sequential-thinking', 'everything-http'],
    kept: ['// What I think with.', '"autoApprove"', '/* approved */', '\r\n'],
    bytes: Buffer.from(
      [
        '\uFEFF{',
        '\t// What I think with.',
        '\t"mcpServers": {',
        `\t\t"sequential-thinking": ${JSON.stringify(found(servers, 'sequential-thinking'))},`,
        `\t\t"everything-http": { "url": ${JSON.stringify(httpUrl)}, "autoApprove": ["echo"], }, /* approved */`,
        '\t\t"not-ours": { "url": "http://127.0.0.1:9/mcp", },',
        '\t},',
        '}',
        '',
      ].join('\r\n'),
    ),
  },
  {
    client: 'vscode',
    path: '.config/Code/User/mcp.json',
    servers: ['hello', 'postgres'],
    kept: ['// asked for once', '"id": "token"', '/* keep me */'],
    bytes: Buffer.from(`{
  "inputs": [
    { "type": "promptString", "id": "token", "description": "A token", "password": true }, // asked for once
  ],
  "servers": {
    "hello": ${indented({ type: 'stdio', ...found(servers, 'hello') }, '    ')},
    /* keep me */
    "postgres": ${indented(found(servers, 'postgres'), '    ')},
    "asks": { "command": "asks", "env": { "TOKEN": "\${input:token}" } },
  },
}
`),
  },
]
