// Services: PostgreSQL and Redis, real ones.
export { provisionServices, type ProvisionOptions, type TestServices } from './services/provision-services.ts'
export { OwnPostgres, type OwnPostgresOptions } from './services/own-postgres.ts'
export { createTestDatabase, type TestDatabase } from './services/run-database.ts'
export { ServiceUnavailableError } from './services/service-unavailable-error.ts'

// MCP servers of the 2025 era.
export {
  startFixtureServer,
  type FixtureServer,
  type FixtureServerOptions,
} from './servers/fixture-server.ts'
export type { ToolExecution } from './servers/fixture-tools.ts'
export { startEverythingServer, type EverythingServer } from './servers/everything-server.ts'

// One of the 2026-07-28 era.
export { startModernServer, type ModernServer } from './servers/modern-server.ts'

// One with everything, of both eras.
export {
  startDualEraServer,
  type DualEraServer,
  type DualEraServerOptions,
} from './servers/dual-era/dual-era-server.ts'
export { dualEraStdioServer } from './servers/dual-era/stdio-command.ts'

// One of either era whose tools change.
export {
  startChangingServer,
  type ChangingServer,
  type ChangingServerOptions,
  type ToolDefinition,
} from './servers/changing-server.ts'

// One over standard input and output, of either era, that misbehaves on demand.
export { publishedServer, type PublishedServerName } from './servers/published-server.ts'
export { stdioServer, type StdioServerCommand, type StdioServerOptions } from './servers/stdio-server.ts'

// OAuth.
export {
  type AuthorizationServer,
  type AuthorizationServerOptions,
  type AuthorizationServerRequest,
  startAuthorizationServer,
  type TokenFacts,
} from './servers/authorization-server.ts'
export {
  type Discovery,
  type IdentityProvider,
  type IdentityProviderOptions,
  startIdentityProvider,
} from './servers/identity-provider.ts'
export {
  compactToken,
  createSigningKey,
  hmacSignature,
  type SigningAlgorithm,
  type SigningKey,
} from './servers/signing-key.ts'
export {
  type ProtectedServer,
  type ProtectedServerOptions,
  startProtectedServer,
} from './servers/protected-server.ts'

// Clients that log in.
export { LOGIN_CLIENTS, type LoggedIn, type LogIn } from './clients/login-clients.ts'
export { MemoryLogin } from './clients/memory-login.ts'

// Faults.
export {
  answerJson,
  eventOf,
  type HttpUpstream,
  type HttpUpstreamHandler,
  type ReceivedRequest,
  startHttpUpstream,
} from './servers/http-upstream.ts'
export { startBlackHole, type BlackHole } from './faults/black-hole.ts'
export { startFaultProxy, type FaultProxy } from './faults/fault-proxy.ts'
export {
  httpResponse,
  startScriptedUpstream,
  type ScriptedUpstream,
  type ScriptStep,
} from './faults/scripted-upstream.ts'

// Certificates of servers on loopback, good and bad.
export {
  authority,
  clientCertificate,
  expiredCertificate,
  goodCertificate,
  signedCertificate,
} from './tls/certificates.ts'

// The built gateway as a child process.
export {
  removeDataDirectory,
  runGatewayToEnd,
  startGateway,
  type GatewayEnd,
  type GatewayOptions,
  type GatewayProcess,
} from './gateway/gateway-process.ts'

// Processes.
export { findExecutable } from './processes/find-executable.ts'
export { freePort } from './processes/free-port.ts'
export { ManagedProcess, type ManagedProcessOptions, type ProcessExit } from './processes/managed-process.ts'
export {
  descendantsOf,
  isProcessRunning,
  runningProcesses,
  type RunningProcess,
} from './processes/running-processes.ts'
export { waitUntil } from './processes/wait-until.ts'

// Packages as they are published.
export {
  ConsumerProject,
  type ConsumerProjectOptions,
  type ConsumerScriptOptions,
} from './packages/consumer-project.ts'
export { OLDEST_NODE } from './packages/oldest-node.ts'
