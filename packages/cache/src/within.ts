/** What `promise` gives, unless `signal` aborts first: then its reason is thrown. */
export const within = async <Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> => {
  if (signal.aborted) {
    // Nobody listens to it any more; it may fail all the same.
    promise.catch(() => {})
    signal.throwIfAborted()
  }
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- the reason is the caller's own
  const onAbort = (): void => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
