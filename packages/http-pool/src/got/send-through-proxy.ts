import * as http from 'node:http'

import type { Options } from 'got'

import type { ProxyRoutes } from '../proxy/proxy-routes.ts'
import { targetOf } from '../request-target.ts'

/**
 * What sends a request for an http target that stands behind a proxy: the proxy gets the whole URL (RFC 9112, section
 * 3.2.2) and its credentials. Undefined when nothing is different, as for https: a tunnel is the agent's business.
 */
export const sendThroughProxy = (routes: ProxyRoutes | undefined, url: URL): Options['request'] => {
  if (routes === undefined || url.protocol !== 'http:') return undefined
  const target = targetOf(url)
  const server = routes.serverFor(target)
  if (server === undefined) return undefined
  const authorization = server.authorization()
  return (_url, options) =>
    http.request({
      ...options,
      protocol: 'http:',
      hostname: target.hostname,
      port: target.port,
      path: target.origin + target.path,
      headers: Object.assign(
        {},
        options.headers,
        authorization === undefined ? {} : { 'proxy-authorization': authorization },
      ),
    })
}
