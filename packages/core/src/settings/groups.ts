import * as z from 'zod'

import { oidcGroup } from './oidc-group.ts'
import { securityGroup } from './security-group.ts'

const milliseconds = (maximum = 86_400_000): z.ZodInt => z.int().min(1).max(maximum)
const bytes = (maximum = 1_073_741_824): z.ZodInt => z.int().min(1024).max(maximum)
const count = (maximum = 1_000_000): z.ZodInt => z.int().min(1).max(maximum)

const rate = (): z.ZodNumber => z.number().min(0).max(1_000_000)

const network = z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()], {
  error: 'must be an IP address or a range such as 10.0.0.0/8',
})

/**
 * The groups of the settings file, each field with its unit in the name, its range and its meaning.
 * The table in the README is made from these, so the meaning is written for a reader of that table.
 */
export const settingGroups = {
  limits: z.strictObject({
    maxRequestBytes: bytes().describe('Largest request body; a larger one is answered 413.'),
    maxReplyBytes: bytes().describe(
      'Largest reply or event of an upstream; a larger one becomes an error that names the limit, or, of a tool, a result with isError that does.',
    ),
    maxJsonDepth: z.int().min(8).max(512).describe('Deepest nesting of a JSON-RPC message.'),
    maxInFlightRequests: count().describe(
      'MCP requests handled at once; more are answered 503 with Retry-After before they are read.',
    ),
    maxConnectionsPerOrigin: count(10_000).describe('Connections to one upstream origin.'),
    maxSessions: count().describe(
      'Upstream sessions remembered at once; the one idle longest goes first and is rebuilt on return.',
    ),
    maxSessionsPerPrincipal: count().describe(
      'Of them, those of one principal. The one idle longest makes room; while all are in use, `initialize` is refused.',
    ),
    maxSessionsPerTenant: count().describe('The same for a tenant.'),
    maxApiKeysPerTenant: count(100_000).describe('API keys of one tenant, revoked ones included.'),
    maxPoliciesPerTenant: z.int().min(1).max(999).describe('Policies of one tenant.'),
    maxServersPerTenant: count().describe('Servers that one tenant may register.'),
    maxInFlightPerUpstream: count().describe(
      'Requests that one upstream has at once. One tenant gets four fifths of them at most, one principal two thirds, and the more share them the less each.',
    ),
  }),
  rates: z.strictObject({
    tenantPerSecond: rate().describe(
      'Requests of one tenant in a second, in all gateways together; more are answered 429. 0, here and below: without limit.',
    ),
    tenantBurst: count().describe('How many of them may come at once, after a pause.'),
    principalPerSecond: rate().describe('The same for one principal: an API key, or a user.'),
    principalBurst: count().describe('How many of them may come at once.'),
    serverPerSecond: rate().describe(
      'Requests to one server in a second; more are answered with the JSON-RPC error `rate_limited`.',
    ),
    serverBurst: count().describe('How many of them may come at once.'),
    toolPerSecond: rate().describe('Calls of one tool in a second.'),
    toolBurst: count().describe('How many of them may come at once.'),
  }),
  timeouts: z.strictObject({
    connectMs: milliseconds(60_000).describe('To reach an upstream: name, connection and TLS.'),
    requestMs: milliseconds().describe('For a whole request other than `tools/call`.'),
    toolCallMs: milliseconds().describe('For a whole `tools/call`; a server may set its own.'),
    probeMs: milliseconds(600_000).describe('For one probe of an endpoint.'),
    streamAfterMs: milliseconds(60_000).describe(
      'When an upstream has sent nothing for so long, the answer starts as an event stream.',
    ),
    heartbeatMs: milliseconds(600_000).describe(
      'Between comments on an answer stream that is otherwise silent.',
    ),
    sessionMs: milliseconds(30 * 86_400_000).describe('Age at which a client session ends.'),
    sessionIdleMs: milliseconds().describe(
      'After so long without a request, the memory of a session is freed; its token stays good.',
    ),
    leaveMs: z
      .int()
      .min(0)
      .max(600_000)
      .describe(
        'At the end of the process, how long requests are still taken while `/ready` says no: so that load balancers notice first.',
      ),
    drainMs: milliseconds(600_000).describe('At the end of the process, for requests under way.'),
    clientHeadersMs: milliseconds(600_000).describe('For a client to send its request head.'),
    clientBodyMs: milliseconds(600_000).describe('For a client to send its whole request.'),
  }),
  breaker: z.strictObject({
    failureThreshold: count(1000).describe('Failures in a row that open the circuit of an endpoint.'),
    openMs: milliseconds(3_600_000).describe(
      'How long an open circuit waits before it lets one request try; doubles while that fails.',
    ),
    maxOpenMs: milliseconds(3_600_000).describe('The most that doubling comes to.'),
  }),
  fallback: z.strictObject({
    maxStaleMs: z
      .int()
      .min(0)
      .max(86_400_000)
      .describe(
        'How long past its `ttlMs` an older answer may stand in for a server that fails; 0: none does. A server may set its own.',
      ),
    maxAnswerBytes: bytes(4_194_304).describe('Larger answers are not kept to stand in.'),
  }),
  health: z.strictObject({
    intervalMs: milliseconds().describe('Between probes of an endpoint that works.'),
    unhealthyIntervalMs: milliseconds().describe('Between probes of an endpoint that does not work.'),
    maxConcurrentProbes: count(1000).describe(
      'Probes under way at once in one process; one origin has at most a quarter of them.',
    ),
    failureThreshold: count(1000).describe(
      'Failures in a row that make an endpoint `unhealthy`; fewer make it `degraded`.',
    ),
    successThreshold: count(1000).describe(
      'Good probes in a row after which an endpoint that was not well is `healthy` again.',
    ),
    leaseMs: z
      .int()
      .min(1000)
      .max(600_000)
      .describe('When the endpoints that a worker has taken are given to others, if it is not heard of.'),
    historyMs: milliseconds(366 * 86_400_000).describe('How long what probes found is kept.'),
    historyChecks: count().describe('How many probes of one endpoint are kept at most: the newest.'),
  }),
  catalog: z.strictObject({
    firstListMs: milliseconds(60_000).describe(
      'How long the first merged list waits for servers that have not been asked yet; it says which are missing.',
    ),
    listMs: milliseconds(3_600_000).describe('For one server to say all that it offers.'),
    refreshMs: milliseconds().describe(
      'Between two looks at what a server offers, at most; sooner when its lists are good for less, as it says.',
    ),
    minRefreshMs: milliseconds().describe('The least between two looks, however short its lists are good.'),
    retryMs: milliseconds(3_600_000).describe(
      'Between two looks at a server that did not answer, at first; doubles up to `refreshMs`.',
    ),
    maxAwayMs: milliseconds(366 * 86_400_000).describe(
      'How long what a server offered is listed while it is away, from when that was found out.',
    ),
    quietMs: milliseconds(3_600_000).describe(
      'After clients were told that a list has changed, further changes are told together after so long.',
    ),
    maxConcurrentLists: count(1000).describe(
      'Servers asked at once; those that are slow make room for others after a second.',
    ),
    maxUnasked: count().describe(
      'Servers of all tenants that are asked before anybody wants their lists; those of further tenants when somebody does.',
    ),
    maxPrincipals: count().describe(
      'Principals of a tenant of whom lists of their own are held in memory; whoever came longest ago goes first.',
    ),
    maxPages: count(10_000).describe('Pages of one list of a server; what is behind them is left out.'),
    maxDefinitions: count().describe('Definitions of one server; more are left out.'),
    maxBytes: bytes().describe('Of the definitions of one server; what goes beyond is left out.'),
  }),
  stdio: z.strictObject({
    startMs: milliseconds(3_600_000).describe('Until the process of a server is ready.'),
    packageStartMs: milliseconds(3_600_000).describe(
      'The same for a command that fetches what it runs: npx, uvx, docker and their like.',
    ),
    maxStarting: count(1000).describe(
      'How many of those start at once. Of one package only one starts at a time.',
    ),
    writeMs: milliseconds(600_000).describe('How long a process may leave a message unread.'),
    stopMs: milliseconds(600_000).describe('Between TERM and KILL when a process is ended.'),
    idleMs: milliseconds().describe('A process that no client uses for so long is ended.'),
    restartMs: milliseconds(3_600_000).describe(
      'After a second failure in a row, how long until the next start; doubles with each further one.',
    ),
    maxRestartMs: milliseconds(3_600_000).describe('The most that doubling comes to.'),
    maxProcesses: count(10_000).describe(
      'Processes at once, of all servers. When there is no room, one that is idle makes way.',
    ),
    maxProcessesPerServer: count(10_000).describe('Processes at once, of one server.'),
  }),
  egress: z.strictObject({
    allow: z
      .array(z.enum(['public', 'private', 'shared', 'link-local', 'loopback']))
      .describe(
        'Kinds of addresses that MCP servers may have. Those that give out the credentials of a machine are never among them.',
      ),
    allowHosts: z
      .array(z.string().min(1))
      .describe('Hosts that servers may have whatever their addresses: names, or `*.example.com`.'),
    allowNetworks: z
      .array(network)
      .describe('Addresses and ranges that servers may have whatever their kind.'),
    refuseNetworks: z
      .array(network)
      .describe('Addresses and ranges that servers may not have, whatever the others say.'),
    proxyJudgesNames: z
      .boolean()
      .describe(
        'Whether a name goes to the proxy of `HTTPS_PROXY` without being resolved here: for networks where only the proxy can.',
      ),
    systemAuthorities: z
      .boolean()
      .describe('Whether the certificate authorities that the system trusts are trusted too.'),
  }),
  metrics: z.strictObject({
    public: z
      .boolean()
      .describe(
        "Whether everybody who reaches the gateway may read `/metrics`; else it needs the administrator's key.",
      ),
    maxServers: z
      .int()
      .min(0)
      .max(10_000)
      .describe('Servers with figures of their own; those that come later are counted together.'),
  }),
  audit: z.strictObject({
    toolCalls: z
      .enum(['off', 'metadata', 'hash', 'redacted'])
      .describe(
        'What is written down of calls of tools: nothing; who, what, when and the outcome (`metadata`); a keyed hash of the arguments besides (`hash`); or the arguments themselves, cut short and without what looks like a secret (`redacted`).',
      ),
    keepMs: z
      .int()
      .min(60_000)
      .max(10 * 366 * 86_400_000)
      .describe('How long audit events are kept.'),
    maxSpoolBytes: bytes().describe(
      'Audit events in the data directory at most while the database is away; what comes after that is lost, and counted.',
    ),
  }),
  cache: z.strictObject({
    keyPrefix: z
      .string()
      .regex(/^[\w:.-]{1,64}$/u, 'must be 1 to 64 letters, digits, or any of _ : . -')
      .describe('Start of every key and channel in Redis: installations that share one need different ones.'),
  }),
  database: z.strictObject({
    minConnections: z.int().min(0).max(1000).describe('Connections to PostgreSQL kept open.'),
    maxConnections: count(1000).describe('Connections to PostgreSQL at most.'),
    tls: z
      .enum(['require', 'prefer', 'off'])
      .describe('TLS to PostgreSQL: demanded, used when the URL asks for it, or never.'),
    acquireMs: milliseconds(60_000).describe('To get a connection from the pool.'),
    statementMs: milliseconds(600_000).describe('For one statement.'),
    logStatements: z.boolean().describe('Whether statements are logged, at level debug.'),
    changePollMs: milliseconds(600_000).describe(
      'Between looks at the change log when nothing announces changes.',
    ),
  }),
  changes: z.strictObject({
    onNew: z
      .enum(['accept', 'quarantine'])
      .describe(
        'What becomes of a tool, prompt or resource that is seen for the first time: `accept` or `quarantine` (held until it is approved). A server may set its own, here and below.',
      ),
    onChange: z
      .enum(['accept', 'warn', 'quarantine'])
      .describe(
        'What becomes of one whose definition differs from what was approved: `accept`, `warn` (served, marked and reported) or `quarantine`.',
      ),
    whileQuarantined: z
      .enum(['hide', 'serve-last-approved'])
      .describe(
        'What clients have of one that is held: nothing (`hide`), or what was approved before (`serve-last-approved`).',
      ),
  }),
  security: securityGroup,
  oidc: oidcGroup,
} as const

/** The groups and their fields, complete. */
export type SettingGroups = {
  readonly [Group in keyof typeof settingGroups]: Readonly<z.infer<(typeof settingGroups)[Group]>>
}

/** What a settings file may hold: any of the groups, any of their fields. */
export const settingsFileSchema = z.strictObject({
  limits: settingGroups.limits.partial().optional(),
  rates: settingGroups.rates.partial().optional(),
  timeouts: settingGroups.timeouts.partial().optional(),
  breaker: settingGroups.breaker.partial().optional(),
  fallback: settingGroups.fallback.partial().optional(),
  health: settingGroups.health.partial().optional(),
  catalog: settingGroups.catalog.partial().optional(),
  stdio: settingGroups.stdio.partial().optional(),
  egress: settingGroups.egress.partial().optional(),
  metrics: settingGroups.metrics.partial().optional(),
  audit: settingGroups.audit.partial().optional(),
  cache: settingGroups.cache.partial().optional(),
  database: settingGroups.database.partial().optional(),
  changes: settingGroups.changes.partial().optional(),
  security: settingGroups.security.partial().optional(),
  oidc: settingGroups.oidc.partial().optional(),
})

/** The content of a settings file, checked. */
export type SettingsFile = z.infer<typeof settingsFileSchema>
