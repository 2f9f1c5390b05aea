/**
 * How long to wait before attempt number `attempt + 1`, in milliseconds: anything up to a ceiling that
 * doubles from `baseMs` to `capMs` ("full jitter"), so that those who collided do not meet again.
 */
export const backoffMs = (attempt: number, baseMs: number, capMs: number): number =>
  Math.random() * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30))
