import type { RelayTimeoutOptions } from '@mreg/http-pool'

/** `timeouts` with what it leaves out taken from `defaults`. */
export const mergeTimeouts = (
  timeouts: RelayTimeoutOptions | undefined,
  defaults: RelayTimeoutOptions | undefined,
): RelayTimeoutOptions | undefined => {
  if (timeouts === undefined || defaults === undefined) return timeouts ?? defaults
  return {
    queueMs: timeouts.queueMs ?? defaults.queueMs,
    connectMs: timeouts.connectMs ?? defaults.connectMs,
    headersMs: timeouts.headersMs ?? defaults.headersMs,
    idleMs: timeouts.idleMs ?? defaults.idleMs,
    totalMs: timeouts.totalMs ?? defaults.totalMs,
  }
}
