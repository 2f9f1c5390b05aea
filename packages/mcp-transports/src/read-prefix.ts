import { HttpPoolError, type ResponseBody } from '@mreg/http-pool'

/** The first `maxBytes` of a body, or what came of them within `timeoutMs`. A body that breaks off is what came of it. */
export const readPrefix = async (
  body: ResponseBody,
  { maxBytes, timeoutMs }: { readonly maxBytes: number; readonly timeoutMs: number },
): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = []
  let length = 0
  const timer = setTimeout(() => body.destroy(), timeoutMs)
  try {
    for await (const chunk of body) {
      chunks.push(chunk.subarray(0, maxBytes - length))
      length += chunk.byteLength
      if (length > maxBytes) break
    }
  } catch (error) {
    if (!HttpPoolError.is(error)) throw error
  } finally {
    clearTimeout(timer)
  }
  return Buffer.concat(chunks)
}
