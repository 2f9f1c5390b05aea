import { setTimeout as delay } from 'node:timers/promises'

/**
 * Asks `condition` every `intervalMs` until it gives something other than undefined or false, and returns that.
 * @throws Error with `what` in it when `timeoutMs` have passed; its cause is what the condition threw last
 */
export async function waitUntil<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  { timeoutMs = 10_000, intervalMs = 25 }: { timeoutMs?: number; intervalMs?: number } = {},
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  let lastError: unknown
  for (;;) {
    try {
      const value = await condition()
      if (value !== undefined && value !== false) return value
      lastError = undefined
    } catch (error) {
      lastError = error
    }
    if (Date.now() >= deadline) {
      throw new Error(`waited ${timeoutMs} ms in vain for: ${what}`, { cause: lastError })
    }
    await delay(intervalMs)
  }
}
