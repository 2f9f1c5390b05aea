import { CredentialVault } from '@mreg/access'
import { CapabilityReview, ChangeFeed, type LiveStates, Registry, Toolsets } from '@mreg/registry'
import { Upstreams } from '@mreg/upstream'
import { ContainerModule } from 'inversify'

import {
  CheckerToken,
  DatabaseToken,
  EventsToken,
  LoggerToken,
  ResourcesToken,
  SettingsToken,
} from '../tokens.ts'
import { bindSnapshots } from './snapshots.ts'

/** Between looks at the change log when the database cannot be listened to, in milliseconds. */
const UNANNOUNCED_POLL_MS = 1000

/** What is registered. */
export const registry: ContainerModule = new ContainerModule(({ bind }) => {
  bind(ChangeFeed).toResolvedValue(
    (database, settings, logger, resources) => {
      const listen = settings.store.listenUrl !== 'off'
      const pollMs = listen ? settings.database.changePollMs : UNANNOUNCED_POLL_MS
      return resources.use(new ChangeFeed({ database, listen, pollMs, logger }))
    },
    [DatabaseToken, SettingsToken, LoggerToken, ResourcesToken],
  )
  bind(CapabilityReview).toResolvedValue(
    (database, changeFeed, { changes }) => new CapabilityReview({ database, changeFeed, changes }),
    [DatabaseToken, ChangeFeed, SettingsToken],
  )
  bind(Registry).toResolvedValue(
    (database, changes, sealer, checker, upstreams, events, { limits }, logger, resources) => {
      const live: LiveStates = (endpointId) => upstreams.stdioState(endpointId)
      const { maxServersPerTenant } = limits
      return resources.use(
        new Registry({ database, changes, sealer, checker, live, events, maxServersPerTenant, logger }),
      )
    },
    [
      DatabaseToken,
      ChangeFeed,
      CredentialVault,
      CheckerToken,
      Upstreams,
      EventsToken,
      SettingsToken,
      LoggerToken,
      ResourcesToken,
    ],
  )
  bind(Toolsets).toResolvedValue(
    (database, changes) => new Toolsets({ database, changes }),
    [DatabaseToken, ChangeFeed],
  )
  bindSnapshots({ bind })
})
