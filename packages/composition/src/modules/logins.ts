import { GrantVault, KeyRing, UpstreamGrants, UpstreamLogins } from '@mreg/access'
import { HttpPool } from '@mreg/http-pool'
import { createHttpClient } from '@mreg/http-pool/got'
import { ChangeFeed } from '@mreg/registry'
import type { ContainerModuleLoadOptions } from 'inversify'

import { DatabaseToken, LoggerToken, ResourcesToken, SettingsToken } from '../tokens.ts'

/** Where the gateway publishes what it says of itself to authorization servers, below its public URL. */
export const CLIENT_METADATA_PATH = '/oauth-client.json'

/** The logins for MCP servers, and the tokens that come of them. */
export const bindLogins = ({ bind }: Pick<ContainerModuleLoadOptions, 'bind'>): void => {
  bind(GrantVault).toResolvedValue((keys) => new GrantVault(keys), [KeyRing])
  bind(UpstreamGrants).toResolvedValue(
    (database, vault, pool, changes, logger, resources) => {
      const grants = resources.use(
        new UpstreamGrants({
          database,
          vault,
          http: createHttpClient(pool),
          catchUp: () => changes.catchUp(),
          logger,
        }),
      )
      changes.onDelta((delta) => grants.apply(delta))
      return grants
    },
    [DatabaseToken, GrantVault, HttpPool, ChangeFeed, LoggerToken, ResourcesToken],
  )
  bind(UpstreamLogins).toResolvedValue(
    (database, vault, pool, changes, { listen: { publicUrl } }) =>
      new UpstreamLogins({
        database,
        vault,
        http: createHttpClient(pool),
        catchUp: () => changes.catchUp(),
        // Only https that others can reach is an identifier that others can read.
        metadataDocumentUrl:
          publicUrl?.protocol === 'https:'
            ? `${publicUrl.href.replace(/\/$/u, '')}${CLIENT_METADATA_PATH}`
            : undefined,
      }),
    [DatabaseToken, GrantVault, HttpPool, ChangeFeed, SettingsToken],
  )
}
