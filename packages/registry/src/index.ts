export { ChangeFeed, type ChangeFeedOptions } from './change-feed.ts'
export {
  type CredentialSealer,
  Registry,
  type RegistryOptions,
  type ServerChecker,
  type ServerQuery,
} from './registry.ts'
export type { RegisteredServer, RegistryDelta } from './registry-delta.ts'
export {
  type EndpointInput,
  type ServerInput,
  serverInputSchema,
  type ServerPatch,
  serverPatchSchema,
} from './server-input.ts'
export type { EndpointView, LiveStates, ProbeView, ServerView } from './server-view.ts'
