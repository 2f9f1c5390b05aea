export {
  type Definition,
  DEFINITION_KINDS,
  DEFINITION_LISTS,
  type DefinitionKind,
  type DefinitionList,
  type DefinitionMarks,
} from './catalog/definition.ts'
export {
  type CatalogStore,
  DatabaseCatalogStore,
  type DatabaseCatalogStoreOptions,
  type KeptCatalog,
  type KeptOffer,
  type KeptServer,
  type OfferOwner,
} from './catalog/catalog-store.ts'
export { ExposedNames, type ExposedNameRecord } from './catalog/exposed-names.ts'
export type { CatalogPage, CatalogQuery, CatalogView } from './catalog/catalog-view.ts'
export { needsLogin } from './catalog/login-entry.ts'
export { MergedCatalog } from './catalog/merged-catalog.ts'
export { type DefinitionPage, readDefinitions } from './catalog/read-definitions.ts'
export { offerSize, type OfferSize } from './catalog/offer-size.ts'
export { SelectedCatalog, type Selection, type SelectionReason, shownBy } from './catalog/selected-catalog.ts'
export { CatalogSearch } from './catalog/catalog-search.ts'
export {
  type Discovered,
  Discovery,
  type DiscoveryPage,
  type DiscoveryQuery,
  type ViewOf,
} from './catalog/discovery.ts'
export type { CatalogEntry, CatalogServer } from './catalog/server-block.ts'
export { exposeDefinition } from './catalog/expose-definition.ts'
export { templateMatcher } from './catalog/template-matcher.ts'
export type { DefinitionFlag, FlagCode } from './catalog/flags/definition-flags.ts'
export { ChangeFeed, type ChangeFeedOptions, type KnownServers } from './change-feed.ts'
export { type ChangeFollower, recordFollower, type RecordFollowerOptions } from './change-follower.ts'
export { serverNotFound } from './find-server.ts'
export type { CredentialSealer } from './seal-endpoints.ts'
export type { ServerChecker } from './server-probes.ts'
export type { CreateServerOptions } from './create-server.ts'
export {
  type RegisteredServers,
  type RegistrationOutcome,
  type ServersInput,
  serversInputSchema,
} from './register-many.ts'
export { Registry, type RegistryOptions, type ServerCounts, type ServerQuery } from './registry.ts'
export {
  type CapabilityDecisions,
  capabilityDecisionsSchema,
  type CapabilityQuery,
  capabilityQuerySchema,
} from './review/capability-decisions.ts'
export { CapabilityReview, type CapabilityReviewOptions } from './review/capability-review.ts'
export type { CapabilityView } from './review/capability-view.ts'
export type { HealthCheckView, HealthView } from './health-view.ts'
export type { WithheldCapability } from '@mreg/repositories'
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
export {
  type ToolsetInput,
  toolsetInputSchema,
  type ToolsetPatch,
  toolsetPatchSchema,
} from './toolsets/toolset-input.ts'
export { type RegisteredToolset, type ToolsetChange, toolsetFollower } from './toolsets/toolset-follower.ts'
export { toolsetSelection } from './toolsets/toolset-selection.ts'
export type { ToolsetView } from './toolsets/toolset-view.ts'
export { Toolsets, type ToolsetsOptions } from './toolsets/toolsets.ts'
export { type RegistryState, RouteSnapshots } from './snapshot/route-snapshots.ts'
export { SnapshotCache } from './snapshot/snapshot-cache.ts'
export { SnapshotCatalogStore, type SnapshotCatalogStoreOptions } from './snapshot/snapshot-catalog-store.ts'
export {
  SnapshotCodec,
  type SnapshotCodecOptions,
  SnapshotError,
  type SnapshotSealer,
} from './snapshot/snapshot-codec.ts'
export { SnapshotDirectory } from './snapshot/snapshot-directory.ts'
export type { SnapshotPlace } from './snapshot/snapshot-place.ts'
export {
  type SnapshotContent,
  SnapshotWriter,
  type SnapshotWriterOptions,
} from './snapshot/snapshot-writer.ts'
