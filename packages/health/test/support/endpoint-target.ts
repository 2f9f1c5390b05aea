import type { EndpointTarget } from '@mreg/upstream'

/** An endpoint with an origin of its own, or a process, of a server of its own. */
export const endpointTarget = (
  id: string,
  transport: 'streamable-http' | 'stdio' = 'streamable-http',
): EndpointTarget => ({
  endpoint: {
    id,
    serverId: `server of ${id}`,
    transport,
    url: transport === 'stdio' ? undefined : `http://${id}.test/mcp`,
    command: transport === 'stdio' ? 'x' : undefined,
    args: undefined,
    cwd: undefined,
    weight: 1,
    headerNames: [],
    envNames: [],
    secretId: undefined,
  },
  tenantId: 'default',
  serverId: `server of ${id}`,
  slug: id,
  revision: 1,
  sealedCredentials: undefined,
})
