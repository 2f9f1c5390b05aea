/** A server that the tests may use. */
export interface TestServer {
  /** Address with credentials, for the drivers. */
  readonly url: string
  /** Where it comes from, for the progress line; no credentials. */
  readonly origin: string
  /** Ends it, if this run started it; otherwise does nothing. Idempotent. */
  stop(): Promise<void>
}

/** Receives one progress line, without line break. */
export type Report = (line: string) => void
