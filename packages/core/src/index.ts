export { MregError, type ErrorKind } from './errors/mreg-error.ts'
export {
  ConfigurationError,
  ConflictError,
  type Fault,
  ForbiddenError,
  NotFoundError,
  RateLimitedError,
  type RateLimitedOptions,
  UnauthenticatedError,
  UnavailableError,
  ValidationError,
} from './errors/errors.ts'

export { EventBus, type EventListener } from './event-bus.ts'
export { type LogFields, type Logger, silentLogger } from './logger.ts'
export { isLoopback } from './loopback.ts'

export { type ChangePolicy, changePolicyOf, mayHold, type OwnChangePolicy } from './domain/change-policy.ts'
export type {
  DefinitionChange,
  GatewayEvents,
  ServerChangeEvent,
  ServerEvent,
} from './domain/gateway-events.ts'
export { DEFAULT_TENANT, LOCAL_PRINCIPAL, type Principal, type Role } from './domain/principal.ts'
export { isAtLeast, requireRole } from './domain/require-role.ts'
export type {
  BalancingSettings,
  BalancingStrategy,
  EndpointProbe,
  EndpointRecord,
  Isolation,
  LoginScope,
  ServerFallback,
  ServerRecord,
  ServerSettings,
  ServerStatus,
  TransportKind,
  Visibility,
} from './domain/server.ts'
export { RESERVED_SLUGS, SLUG_PATTERN, slugFault } from './domain/slug.ts'

export { createSettings, type CreateSettingsOptions } from './settings/create-settings.ts'
export { getSettings } from './settings/get-settings.ts'
export type { SettingGroups, SettingsFile } from './settings/groups.ts'
export type { Environment } from './settings/presets.ts'
export type { LogLevel, Settings } from './settings/settings.ts'
export { type SettingFault, SettingsError } from './settings/settings-error.ts'
export { settingsTable } from './settings/settings-table.ts'
export { parseInput } from './parse-input.ts'
