import { isRecord } from './checks.ts'
import { CircuitBreakerOpenError } from './errors.ts'
import type { Outcome } from './outcome.ts'

/**
 * System error codes that speak, or may speak, of this machine (no name resolution, no route, no descriptors, no memory)
 * and not of the upstream. In doubt a code is listed: the price of a wrong entry is only that an opening is not shared.
 */
const LOCAL_FAULTS =
  /^(EAI_AGAIN|ENOTFOUND|ENET(DOWN|UNREACH)|EHOSTUNREACH|EADDRNOTAVAIL|E[MN]FILE|ENOBUFS|ENOMEM)$/

/**
 * The classification used when no `classify` is given. No error is a `success`, whatever the result. An `AbortError` (the
 * caller gave up) and a refusal by a circuit breaker (nothing was tried) are `ignored`. Every other error is a `failure`.
 */
export function defaultClassify(error: unknown): Outcome {
  if (error === undefined || error === null) return 'success'
  const gaveUp = isRecord(error) && error['name'] === 'AbortError'
  return gaveUp || CircuitBreakerOpenError.is(error) ? 'ignored' : 'failure'
}

/**
 * Whether an error speaks of this process's own machine: name resolution, route out, file descriptors, memory. Reads the
 * `code` of the error and of its `cause`. An opening caused by such an error is not shared with other processes.
 */
export function isLocalFault(error: unknown): boolean {
  if (!isRecord(error)) return false
  const { code, cause } = error
  return LOCAL_FAULTS.test(String(code ?? (isRecord(cause) ? cause['code'] : '')))
}
