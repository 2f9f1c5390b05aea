import type { SettingGroups } from './groups.ts'

/** What the process is run for. Picks the preset of every group. */
export type Environment = 'development' | 'testing' | 'production'

export const ENVIRONMENTS: readonly Environment[] = ['development', 'testing', 'production']

const MEBIBYTE = 1024 * 1024
const HOUR_MS = 3_600_000

const development: SettingGroups = {
  limits: {
    maxRequestBytes: 10 * MEBIBYTE,
    maxReplyBytes: 32 * MEBIBYTE,
    maxJsonDepth: 64,
    maxInFlightRequests: 1000,
    maxConnectionsPerOrigin: 256,
    maxSessions: 50_000,
    maxSessionsPerPrincipal: 100,
    maxSessionsPerTenant: 50_000,
    maxApiKeysPerTenant: 1000,
    maxPoliciesPerTenant: 200,
    maxServersPerTenant: 10_000,
    maxInFlightPerUpstream: 1000,
  },
  rates: {
    tenantPerSecond: 0,
    tenantBurst: 10_000,
    principalPerSecond: 0,
    principalBurst: 2000,
    serverPerSecond: 0,
    serverBurst: 1000,
    toolPerSecond: 0,
    toolBurst: 200,
  },
  timeouts: {
    connectMs: 2000,
    requestMs: 60_000,
    toolCallMs: 15 * 60_000,
    probeMs: 10_000,
    streamAfterMs: 5000,
    heartbeatMs: 15_000,
    sessionMs: 7 * 24 * HOUR_MS,
    sessionIdleMs: 30 * 60_000,
    leaveMs: 0,
    drainMs: 20_000,
    clientHeadersMs: 10_000,
    clientBodyMs: 15_000,
  },
  breaker: { failureThreshold: 5, openMs: 5000, maxOpenMs: 60_000 },
  fallback: { maxStaleMs: HOUR_MS, maxAnswerBytes: MEBIBYTE },
  health: {
    intervalMs: 30_000,
    unhealthyIntervalMs: 10_000,
    maxConcurrentProbes: 64,
    failureThreshold: 3,
    successThreshold: 2,
    leaseMs: 10_000,
    historyMs: 7 * 24 * HOUR_MS,
    historyChecks: 25_000,
  },
  catalog: {
    firstListMs: 1200,
    listMs: 120_000,
    refreshMs: 300_000,
    minRefreshMs: 30_000,
    retryMs: 5000,
    maxAwayMs: 7 * 24 * HOUR_MS,
    quietMs: 5000,
    maxConcurrentLists: 16,
    maxUnasked: 2000,
    maxPrincipals: 1000,
    maxPages: 100,
    maxDefinitions: 5000,
    maxBytes: 16 * MEBIBYTE,
  },
  stdio: {
    startMs: 30_000,
    packageStartMs: 120_000,
    maxStarting: 3,
    writeMs: 10_000,
    stopMs: 2000,
    idleMs: 30 * 60_000,
    restartMs: 1000,
    maxRestartMs: 60_000,
    maxProcesses: 100,
    maxProcessesPerServer: 20,
  },
  egress: {
    allow: ['public', 'private', 'shared', 'link-local', 'loopback'],
    allowHosts: [],
    allowNetworks: [],
    refuseNetworks: [],
    proxyJudgesNames: true,
    systemAuthorities: true,
  },
  metrics: { public: false, maxServers: 200 },
  audit: { toolCalls: 'hash', keepMs: 365 * 24 * HOUR_MS, maxSpoolBytes: 64 * MEBIBYTE },
  cache: { keyPrefix: 'mreg:' },
  database: {
    minConnections: 2,
    maxConnections: 10,
    tls: 'prefer',
    acquireMs: 1000,
    statementMs: 2000,
    logStatements: true,
    changePollMs: 4000,
  },
  changes: { onNew: 'accept', onChange: 'warn', whileQuarantined: 'hide' },
  security: {
    allowedHosts: [],
    allowedOrigins: [],
    corsOnLoopback: true,
    securityHeaders: false,
    withoutPolicy: 'allow',
    keysWithoutDatabaseMs: 15 * 60_000,
    tokenLifetimeMs: 24 * HOUR_MS,
    trustedProxies: 0,
    refusedAttemptsPerMinute: 300,
  },
  oidc: {
    audiences: [],
    scopes: [],
    algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    clockToleranceMs: 30_000,
    principalClaim: 'sub',
    tenants: {},
    roleClaims: ['roles', 'groups'],
    roles: {},
    defaultRole: 'none',
    keysRefreshMs: 5 * 60_000,
    keysMaxStaleMs: 24 * HOUR_MS,
  },
}

const testing: SettingGroups = {
  ...development,
  database: { ...development.database, minConnections: 1, maxConnections: 5, logStatements: false },
}

const production: SettingGroups = {
  ...development,
  rates: { ...development.rates, tenantPerSecond: 2000, principalPerSecond: 500 },
  timeouts: { ...development.timeouts, leaveMs: 5000 },
  egress: { ...development.egress, allow: ['public'], proxyJudgesNames: false },
  database: {
    ...development.database,
    minConnections: 10,
    maxConnections: 50,
    tls: 'require',
    logStatements: false,
  },
  security: {
    ...development.security,
    corsOnLoopback: false,
    securityHeaders: true,
    tokenLifetimeMs: HOUR_MS,
  },
}

/** The values that each environment starts from; the settings file and the environment variables go over them. */
export const presets: Readonly<Record<Environment, SettingGroups>> = { development, testing, production }
