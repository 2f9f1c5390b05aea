export { compose, type Foundation } from './compose.ts'
export { createInitialDatabase } from './initial-database.ts'
export { access } from './modules/access.ts'
export { cache } from './modules/cache.ts'
export { database } from './modules/database.ts'
export { events } from './modules/events.ts'
export { CLIENT_METADATA_PATH } from './modules/logins.ts'
export { health } from './modules/health.ts'
export { proxy } from './modules/proxy.ts'
export { registry } from './modules/registry.ts'
export { upstream } from './modules/upstream.ts'
export { prepareDatabase } from './prepare-database.ts'
export { RegistryStart, type RegistryStartOptions } from './registry-start.ts'
export { type Token, token } from './token.ts'
export {
  CacheToken,
  CheckerToken,
  DatabaseToken,
  type EndpointProber,
  EventsToken,
  FactsToken,
  KeysToken,
  LoggerToken,
  ProbeToken,
  type ProcessFacts,
  ResourcesToken,
  SettingsToken,
  WatchToken,
} from './tokens.ts'

// What every process of this product does
export { defaultDataDirectory } from './process/default-data-directory.ts'
export { type ProcessStart, runProcess } from './process/run-process.ts'
