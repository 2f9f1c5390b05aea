import type { LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'

const lookupErrors = new WeakSet<object>()

/** Whether `error` came out of a {@link trackedLookup}. */
export const isLookupError = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && lookupErrors.has(error)

/** `lookup`, with every error it gives or throws remembered as one of name resolution, whatever its code. */
export const trackedLookup =
  (lookup: LookupFunction): LookupFunction =>
  (hostname, options, callback) => {
    try {
      lookup(hostname, options, (error, address, family) => {
        if (error === null) callback(null, address, family)
        else callback(remember(error), '')
      })
    } catch (error) {
      callback(remember(error instanceof Error ? error : new Error('lookup failed', { cause: error })), '')
    }
  }

/**
 * Every address of `hostname`.
 *
 * @throws what `lookup` says.
 */
export const resolveAll = (lookup: LookupFunction, hostname: string): Promise<readonly LookupAddress[]> =>
  new Promise((resolve, reject) => {
    lookup(hostname, { all: true }, (error, found, family) => {
      if (error !== null) reject(error)
      else resolve(Array.isArray(found) ? found : [{ address: found, family: family ?? isIP(found) }])
    })
  })

const remember = (error: NodeJS.ErrnoException): NodeJS.ErrnoException => {
  lookupErrors.add(error)
  return error
}
