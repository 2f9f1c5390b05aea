import { GRANT_PRINCIPAL, type UpstreamGrants } from '@mreg/access'
import type { Settings } from '@mreg/core'
import type { CredentialSource, EndpointTarget, HeaderPair } from '@mreg/upstream'

/**
 * The credentials of `source`, and the access token of a login in place of its `Authorization`: of the principal's own login
 * where it has one, or the server is used with nothing else, and of the login for everybody otherwise.
 *
 * @param mode `none`: whoever comes is the one person on this machine.
 */
export const grantCredentials = (
  source: CredentialSource,
  grants: UpstreamGrants,
  mode: Settings['access']['mode'],
): CredentialSource => {
  const personOf = (principalId: string | undefined): string | undefined =>
    principalId !== undefined && mode === 'none' ? GRANT_PRINCIPAL : principalId
  const isOwn = ({ serverId, login, endpoint: { url } }: EndpointTarget, person: string): boolean =>
    url !== undefined &&
    (login === 'principal' || (person !== GRANT_PRINCIPAL && grants.has(serverId, person)))
  /** With whose login a request goes out; undefined: with nobody's. */
  const ownerOf = (target: EndpointTarget, principalId: string | undefined): string | undefined => {
    const person = personOf(principalId)
    if (person !== undefined && isOwn(target, person)) return person
    return target.login === 'principal' ? undefined : GRANT_PRINCIPAL
  }
  const tokenFor = (target: EndpointTarget, principalId: string | undefined): string | undefined => {
    const owner = ownerOf(target, principalId)
    const { serverId, endpoint } = target
    if (owner === undefined || endpoint.url === undefined) return undefined
    return grants.tokenFor(serverId, endpoint.url, owner)
  }
  return {
    ...source,
    headersFor: (target, principalId) => {
      const headers = source.headersFor(target)
      const token = tokenFor(target, principalId)
      return token === undefined
        ? headers
        : [...headers.filter(isOther), ['authorization', `Bearer ${token}`]]
    },
    renew: async (target, refused, principalId) => {
      const owner = ownerOf(target, principalId)
      if (owner === undefined || tokenFor(target, principalId) === undefined) return false
      const header = refused.find((pair) => !isOther(pair))?.[1]
      const token = /^Bearer (.+)$/u.exec(header ?? '')?.[1] ?? ''
      const isRenewed = await grants.renew(target.serverId, token, owner)
      return isRenewed && tokenFor(target, principalId) !== undefined
    },
    scopeFor: (target, principalId) => {
      const person = personOf(principalId) ?? principalId
      return isOwn(target, person) ? person : ''
    },
  }
}

const isOther = ([name]: HeaderPair): boolean => name.toLowerCase() !== 'authorization'
