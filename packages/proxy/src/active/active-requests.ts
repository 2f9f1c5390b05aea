import { performance } from 'node:perf_hooks'

import { ActiveRequest, type ActiveRequestFields, type RequestPhase } from './active-request.ts'

/** An active request as people see it. */
export interface ActiveRequestView {
  readonly id: string
  readonly principal: string
  /** The slug of the server; undefined: all of them. */
  readonly server: string | undefined
  readonly method: string
  readonly tool: string | undefined
  readonly endpointId: string | undefined
  readonly phase: RequestPhase
  readonly ageMs: number
}

/**
 * The requests that this process is answering. It is as bounded as they are: `limits.maxInFlightRequests`. Another process has
 * its own.
 */
export class ActiveRequests {
  readonly #requests = new Map<string, ActiveRequest>()

  get size(): number {
    return this.#requests.size
  }

  begin(fields: ActiveRequestFields): ActiveRequest {
    const request = new ActiveRequest(fields)
    this.#requests.set(request.id, request)
    return request
  }

  end({ id }: ActiveRequest): void {
    this.#requests.delete(id)
  }

  /** Those of a tenant, the oldest first. */
  list(tenantId: string): ActiveRequestView[] {
    const now = performance.now()
    const views: ActiveRequestView[] = []
    for (const request of this.#requests.values()) {
      if (request.principal.tenantId !== tenantId) continue
      const { endpointId, id, method, phase, principal, server, startedAt, tool } = request
      const ageMs = Math.round(now - startedAt)
      views.push({ id, principal: principal.id, server, method, tool, endpointId, phase, ageMs })
    }
    return views
  }

  /**
   * Cancels one.
   *
   * @param reason in words for its client and its server.
   * @returns whether this process was answering such a request of that tenant.
   */
  cancel(tenantId: string, id: string, reason: string): boolean {
    const request = this.#requests.get(id)
    if (request?.principal.tenantId !== tenantId) return false
    // Not awaited: a server that does not take the news is cut off all the same.
    void request.cancel(reason).catch(() => {})
    return true
  }
}
