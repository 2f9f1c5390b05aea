/** A server from npm, as it stands in the file of a client, and what is known of it. */
export interface NpmServer {
  readonly name: string
  /** Package and version: newer ones may have other tools. */
  readonly package: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** One that works without credentials and without a network. */
export interface WorkingServer extends NpmServer {
  readonly tool: string
  readonly input: Readonly<Record<string, unknown>>
  /** What is in the answer; of some servers, every answer but a refusal of the input would need the network. */
  readonly answer: RegExp
}

/** What the arguments of the servers refer to. */
export interface NpmServerPlaces {
  /** A directory that one may read. */
  readonly documents: string
  readonly memoryFile: string
  readonly databaseUrl: string
  readonly redisUrl: string
}

const official = (name: string, version = '2026.8.31'): string =>
  `@modelcontextprotocol/server-${name}@${version}`

/** What is in `answer` when a server does not take its input. */
const REFUSED = /invalid|required|expected/iu

/** The package that is run over Streamable HTTP as well. */
export const HTTP_PACKAGE = official('everything')

/** Eleven servers that are started by a command; the twelfth listens. */
export const workingServers = ({
  documents,
  memoryFile,
  databaseUrl,
  redisUrl,
}: NpmServerPlaces): readonly WorkingServer[] => [
  {
    name: 'everything',
    package: official('everything'),
    tool: 'echo',
    input: { message: 'grüß dich' },
    answer: /Echo: grüß dich/u,
  },
  {
    name: 'filesystem',
    package: official('filesystem'),
    args: [documents],
    tool: 'read_text_file',
    input: { path: `${documents}/note.txt` },
    answer: /written for the test/u,
  },
  {
    name: 'memory',
    package: official('memory'),
    env: { MEMORY_FILE_PATH: memoryFile },
    tool: 'create_entities',
    input: { entities: [{ name: 'Ada', entityType: 'person', observations: ['counts'] }] },
    // Not again, when the second client asks for the same.
    answer: /Ada|\[\]/u,
  },
  {
    name: 'sequential-thinking',
    package: official('sequential-thinking'),
    tool: 'sequentialthinking',
    input: { thought: 'x', thoughtNumber: 1, totalThoughts: 1, nextThoughtNeeded: false },
    answer: /thoughtNumber\\?": 1/u,
  },
  {
    name: 'postgres',
    package: official('postgres', '0.6.2'),
    args: [databaseUrl],
    tool: 'query',
    input: { sql: 'select 20 + 22 as answer' },
    answer: /answer\\?": 42/u,
  },
  {
    name: 'github',
    package: official('github', '2025.4.8'),
    tool: 'search_repositories',
    input: {},
    answer: REFUSED,
  },
  {
    name: 'context7',
    package: '@upstash/context7-mcp@4.1.1',
    tool: 'resolve-library-id',
    input: {},
    answer: REFUSED,
  },
  {
    name: 'playwright',
    package: '@playwright/mcp@0.0.83',
    tool: 'browser_tabs',
    input: { action: 'nonsense' },
    // Without a browser it says so, with one it refuses the input.
    answer: /### Error|invalid/iu,
  },
  {
    name: 'redis',
    package: official('redis', '2025.4.25'),
    args: [redisUrl],
    tool: 'list',
    input: { pattern: 'nobody-has-such-a-key*' },
    answer: /no keys/iu,
  },
  {
    name: 'hello',
    package: 'mcp-hello-world@1.1.2',
    tool: 'add',
    input: { a: 2, b: 3 },
    answer: /5/u,
  },
  {
    name: 'commands',
    package: '@agent-infra/mcp-server-commands@1.2.18',
    tool: 'run_command',
    input: { command: 'echo ran a command' },
    answer: /ran a command/u,
  },
]

/** Servers that end when they find no credentials, and what they say then. */
export const FAILING_SERVERS: readonly (NpmServer & { readonly says: string })[] = [
  {
    name: 'brave-search',
    package: official('brave-search', '0.6.2'),
    says: 'BRAVE_API_KEY environment variable is required',
  },
  {
    name: 'gitlab',
    package: official('gitlab', '2025.4.25'),
    says: 'GITLAB_PERSONAL_ACCESS_TOKEN environment variable is not set',
  },
]
