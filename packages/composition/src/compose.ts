import type { GatewayKeys } from '@mreg/access'
import type { Logger, Settings } from '@mreg/core'
import { Container, type ContainerModule } from 'inversify'

import { loadDrivers } from './drivers.ts'
import {
  DriversToken,
  FactsToken,
  KeysToken,
  LoggerToken,
  type ProcessFacts,
  ResourcesToken,
  SettingsToken,
} from './tokens.ts'

/** What is there before the container. */
export interface Foundation {
  readonly settings: Settings
  readonly logger: Logger
  readonly facts: ProcessFacts
  readonly keys: GatewayKeys
  readonly resources: AsyncDisposableStack
}

/**
 * A container of singletons. Nothing is built until it is first asked for; what is opened goes into `resources`.
 * The drivers of the stores are loaded, and nothing else is done.
 */
export const compose = async (
  foundation: Foundation,
  ...modules: readonly ContainerModule[]
): Promise<Container> => {
  const drivers = await loadDrivers(foundation.settings)
  const container = new Container({ defaultScope: 'Singleton' })
  container.bind(SettingsToken).toConstantValue(foundation.settings)
  container.bind(DriversToken).toConstantValue(drivers)
  container.bind(LoggerToken).toConstantValue(foundation.logger)
  container.bind(FactsToken).toConstantValue(foundation.facts)
  container.bind(KeysToken).toConstantValue(foundation.keys)
  container.bind(ResourcesToken).toConstantValue(foundation.resources)
  container.load(...modules)
  return container
}
