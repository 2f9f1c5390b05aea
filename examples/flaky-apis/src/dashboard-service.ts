import { CircuitBreakerRegistry, type Classification, type ExecuteContext } from '@mreg/circuit-breaker'

/** An answer that is no success, with what the API said about coming back. */
class ApiError extends Error {
  readonly status: number
  readonly retryAfterMs: number | undefined

  constructor(api: string, response: Response) {
    super(`${api} answered ${response.status}`)
    this.name = 'ApiError'
    this.status = response.status
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
    this.retryAfterMs = seconds > 0 ? seconds * 1000 : undefined
  }
}

/** What a page shows: each half stands on its own, and says where it is from. */
export interface Dashboard {
  readonly weather: Part
  readonly news: Part
}

export interface Part {
  readonly from: 'the API' | 'the last answer' | 'nowhere'
  readonly value: unknown
}

const OPEN_MS = 1000
const CALL_LIMIT_MS = 300

/** What we got wrong ourselves (4xx) says nothing about the health of an API; all else does, in the API's own words. */
function classify(error: unknown): 'success' | 'failure' | Classification {
  if (error === undefined) return 'success'
  if (!(error instanceof ApiError)) return 'failure'
  if (error.status < 500) return 'success'
  return { outcome: 'failure', openMs: error.retryAfterMs }
}

/** Puts together a page from two APIs, neither of which can be relied on. */
export class DashboardService {
  readonly breakers = new CircuitBreakerRegistry({ defaults: { openMs: OPEN_MS, classify } })
  readonly #addresses: Readonly<Record<keyof Dashboard, string>>
  readonly #lastAnswers = new Map<string, unknown>()

  constructor(addresses: Readonly<Record<keyof Dashboard, string>>) {
    this.#addresses = addresses
  }

  async show(): Promise<Dashboard> {
    const [weather, news] = await Promise.all([this.#ask('weather'), this.#ask('news')])
    return { weather, news }
  }

  #ask(api: keyof Dashboard): Promise<Part> {
    const work = async ({ signal }: ExecuteContext): Promise<Part> => {
      const response = await fetch(this.#addresses[api], signal === undefined ? {} : { signal })
      if (!response.ok) {
        await response.body?.cancel()
        throw new ApiError(api, response)
      }
      const value: unknown = await response.json()
      this.#lastAnswers.set(api, value)
      return { from: 'the API', value }
    }
    const fallback = (): Part => {
      const value = this.#lastAnswers.get(api)
      return value === undefined ? { from: 'nowhere', value } : { from: 'the last answer', value }
    }
    return this.breakers.get(api).execute(work, { timeoutMs: CALL_LIMIT_MS, fallback })
  }
}
