/** What `work` gives, unless `signal` is aborted first: then an error that says `message`. */
export const withinSignal = async <Result>(
  work: Promise<Result>,
  signal: AbortSignal,
  message: string,
): Promise<Result> => {
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(new Error(message))
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
