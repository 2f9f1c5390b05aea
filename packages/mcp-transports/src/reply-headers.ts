import type { ResponseHeaders } from '@mreg/http-pool'

/** The media type of a response without its parameters, in lower case. */
export const mediaType = (headers: ResponseHeaders): string | undefined => {
  const value = headers.get('content-type')
  if (value === undefined) return undefined
  const end = value.indexOf(';')
  return (end === -1 ? value : value.slice(0, end)).trim().toLowerCase()
}

/** Whether the body is as the server wrote it. It was asked for that (`Accept-Encoding: identity`). */
export const isIdentityEncoded = (headers: ResponseHeaders): boolean => {
  const encoding = headers.get('content-encoding')?.trim().toLowerCase()
  return encoding === undefined || encoding === '' || encoding === 'identity'
}

/**
 * `Retry-After` (RFC 9110, 10.2.3) in milliseconds from now, in seconds or as a date. Undefined when it is absent or
 * unreadable; a date that is past gives 0.
 */
export const retryAfterMs = (headers: ResponseHeaders, nowMs: number = Date.now()): number | undefined => {
  const value = headers.get('retry-after')?.trim()
  if (value === undefined) return undefined
  if (/^\d{1,12}$/.test(value)) return Number(value) * 1_000
  // A date names its zone; without one, Date.parse would take a bare number for a year.
  const date = value.endsWith('GMT') ? Date.parse(value) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs)
}
