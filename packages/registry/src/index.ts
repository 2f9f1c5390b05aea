export {
  type Definition,
  DEFINITION_KINDS,
  DEFINITION_LISTS,
  type DefinitionKind,
  type DefinitionList,
} from './catalog/definition.ts'
export {
  type CatalogStore,
  DatabaseCatalogStore,
  type KeptCatalog,
  type KeptOffer,
} from './catalog/catalog-store.ts'
export { ExposedNames, type ExposedNameRecord } from './catalog/exposed-names.ts'
export { type CatalogPage, type CatalogQuery, MergedCatalog } from './catalog/merged-catalog.ts'
export { type DefinitionPage, readDefinitions } from './catalog/read-definitions.ts'
export type { CatalogEntry, CatalogServer } from './catalog/server-block.ts'
export { ChangeFeed, type ChangeFeedOptions } from './change-feed.ts'
export {
  type CredentialSealer,
  Registry,
  type RegistryOptions,
  type ServerChecker,
  type ServerQuery,
} from './registry.ts'
export type { HealthCheckView, HealthView } from './health-view.ts'
export type { RegisteredServer, RegistryDelta } from './registry-delta.ts'
export { RegistryRetention, type RegistryRetentionOptions } from './registry-retention.ts'
export {
  type EndpointInput,
  type ServerInput,
  serverInputSchema,
  type ServerPatch,
  serverPatchSchema,
} from './server-input.ts'
export type { EndpointView, LiveStates, ProbeView, ServerView } from './server-view.ts'
