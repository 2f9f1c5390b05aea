import {
  createLoginNetwork,
  GrantVault,
  KeyRing,
  type LoginNetwork,
  UpstreamGrants,
  UpstreamLogins,
} from '@mreg/access'
import { HttpPool, NameResolver } from '@mreg/http-pool'
import { ChangeFeed } from '@mreg/registry'
import type { ContainerModuleLoadOptions } from 'inversify'

import { poolOptions } from '../pool-options.ts'
import { type Token, token } from '../token.ts'
import {
  DatabaseToken,
  EventsToken,
  FactsToken,
  LoggerToken,
  ResourcesToken,
  SettingsToken,
} from '../tokens.ts'

/** The connections to whoever takes part in a login. */
export const LoginNetworkToken: Token<LoginNetwork> = token('LoginNetwork')

/** Where the gateway publishes what it says of itself to authorization servers, below its public URL. */
export const CLIENT_METADATA_PATH = '/oauth-client.json'

/** The logins for MCP servers, and the tokens that come of them. */
export const bindLogins = ({ bind }: Pick<ContainerModuleLoadOptions, 'bind'>): void => {
  bind(LoginNetworkToken).toResolvedValue(
    (pool, names, settings, facts, resources) =>
      createLoginNetwork({
        pool,
        publicPool: resources.use(new HttpPool(poolOptions({ settings, facts, names, kinds: ['public'] }))),
        lookup: names.lookup,
      }),
    [HttpPool, NameResolver, SettingsToken, FactsToken, ResourcesToken],
  )
  bind(GrantVault).toResolvedValue((keys) => new GrantVault(keys), [KeyRing])
  bind(UpstreamGrants).toResolvedValue(
    (database, vault, network, changes, events, logger, resources) => {
      const grants = resources.use(
        new UpstreamGrants({
          database,
          vault,
          network,
          catchUp: () => changes.catchUp(),
          onChange: (owner) => events.emit('login-changed', owner),
          logger,
        }),
      )
      changes.onDelta((delta) => grants.apply(delta))
      return grants
    },
    [DatabaseToken, GrantVault, LoginNetworkToken, ChangeFeed, EventsToken, LoggerToken, ResourcesToken],
  )
  bind(UpstreamLogins).toResolvedValue(
    (database, vault, network, changes, { access, listen: { publicUrl } }) =>
      new UpstreamLogins({
        database,
        vault,
        network,
        catchUp: () => changes.catchUp(),
        isOpen: access.mode === 'none',
        // Only https that others can reach is an identifier that others can read.
        metadataDocumentUrl:
          publicUrl?.protocol === 'https:'
            ? `${publicUrl.href.replace(/\/$/u, '')}${CLIENT_METADATA_PATH}`
            : undefined,
      }),
    [DatabaseToken, GrantVault, LoginNetworkToken, ChangeFeed, SettingsToken],
  )
}
