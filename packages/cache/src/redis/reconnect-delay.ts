/**
 * How long to wait before attempt number `attempt + 1` to connect, in milliseconds: half of a pause that doubles
 * from 50 ms to `maximumMs`, and up to as much again by chance, so that many processes do not come back at once.
 */
export const reconnectDelayMs = (attempt: number, maximumMs: number): number =>
  (Math.min(maximumMs, 50 * 2 ** Math.min(attempt, 30)) / 2) * (1 + Math.random())
