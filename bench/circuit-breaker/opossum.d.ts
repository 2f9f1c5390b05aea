/** What of opossum the bench uses: it ships no types of its own. */
declare module 'opossum' {
  export default class CircuitBreaker<Arguments extends unknown[], Result> {
    constructor(action: (...args: Arguments) => Promise<Result>, options?: Record<string, unknown>)
    readonly opened: boolean
    readonly halfOpen: boolean
    fire(...args: Arguments): Promise<Result>
    open(): void
    shutdown(): void
  }
}
