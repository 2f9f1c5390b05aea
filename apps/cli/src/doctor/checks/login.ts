import { type Check, ok, problem, skipped } from '../check.ts'

/** A server answers 401 or 403: it works, and wants to know who asks. */
export const login: Check = {
  name: 'login',
  title: 'Credentials',
  needsServers: true,
  run: async (facts) => {
    const servers = await facts.serversIfAny()
    if (servers.length === 0) return [skipped('nothing is registered')]
    const locked = servers.filter(({ endpoints }) =>
      endpoints.some(({ probe }) => probe.status === 'needs_login'),
    )
    if (locked.length === 0) return [ok('no server asks for credentials that it does not get')]
    return locked.map(({ slug, endpoints }) => {
      const given = endpoints.some(({ headerNames }) => headerNames.includes('authorization'))
      return problem(
        given ? `${slug} does not take the credentials that it gets` : `${slug} wants credentials`,
        `Log in in the browser: mreg login ${slug}`,
        given ? 'Or give it another key; the present one may have expired:' : 'Or give it a key:',
        `mreg remove ${slug} && mreg add ${slug} URL --header "Authorization: Bearer …"`,
      )
    })
  },
}
