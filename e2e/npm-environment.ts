import { homedir } from 'node:os'
import { join } from 'node:path'

const NETWORK =
  /^(https?_proxy|no_proxy|all_proxy|node_extra_ca_certs|ssl_cert_(file|dir)|npm_config_(registry|ca|cafile|(https_)?proxy|noproxy|strict_ssl|globalconfig))$/iu

/** How this machine reaches the package registry, for a program with a home of its own and an npm cache of its own. */
export const npmEnvironment = (cache: string): Record<string, string> => {
  const network = Object.entries(process.env).filter(
    (entry): entry is [string, string] => NETWORK.test(entry[0]) && entry[1] !== undefined,
  )
  return {
    ...Object.fromEntries(network),
    PATH: process.env['PATH'] ?? '',
    npm_config_userconfig: process.env['npm_config_userconfig'] ?? join(homedir(), '.npmrc'),
    npm_config_cache: cache,
    npm_config_update_notifier: 'false',
  }
}
