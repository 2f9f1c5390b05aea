/** The part of `fetch` that is used here. */
export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>

/**
 * A `fetch` for `/mcp` that sends the key only where it is asked for: while a gateway is open to this machine, its
 * administrator calls as anybody there does.
 *
 * @param key a secret; undefined sends none.
 */
export const fetchWithKey = (key: string | undefined): Fetch => {
  let wanted = false
  return async (url, init = {}) => {
    const response = await fetch(url, wanted ? withKey(init, key) : init)
    if (response.status !== 401 || wanted || key === undefined) return response
    await response.body?.cancel()
    wanted = true
    return fetch(url, withKey(init, key))
  }
}

const withKey = (init: RequestInit, key: string | undefined): RequestInit => {
  const headers = new Headers(init.headers)
  headers.set('authorization', `Bearer ${key ?? ''}`)
  return { ...init, headers }
}
