import type { UpstreamGrants } from '@mreg/access'
import type { CredentialSource, EndpointTarget, HeaderPair } from '@mreg/upstream'

/** The credentials of `source`, and the access token of a login in place of its `Authorization`. */
export const grantCredentials = (source: CredentialSource, grants: UpstreamGrants): CredentialSource => {
  const tokenFor = ({ serverId, endpoint: { url } }: EndpointTarget): string | undefined =>
    url === undefined ? undefined : grants.tokenFor(serverId, url)
  return {
    ...source,
    headersFor: (target) => {
      const headers = source.headersFor(target)
      const token = tokenFor(target)
      return token === undefined
        ? headers
        : [...headers.filter(isOther), ['authorization', `Bearer ${token}`]]
    },
    renew: async (target, refused) => {
      if (tokenFor(target) === undefined) return false
      const header = refused.find((pair) => !isOther(pair))?.[1]
      const token = /^Bearer (.+)$/u.exec(header ?? '')?.[1] ?? ''
      return (await grants.renew(target.serverId, token)) && tokenFor(target) !== undefined
    },
  }
}

const isOther = ([name]: HeaderPair): boolean => name.toLowerCase() !== 'authorization'
