import type { LookupFunction } from 'node:net'

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

const remember = (error: NodeJS.ErrnoException): NodeJS.ErrnoException => {
  lookupErrors.add(error)
  return error
}
