/** What made the process end, and with which exit code. */
export interface Ending {
  readonly signal: string
  readonly code: number
}

export interface EndingWatch {
  /** Fulfils at the first SIGTERM or SIGINT, or at {@link EndingWatch.end}. */
  readonly ended: Promise<Ending>
  /** Begins the end from inside, with an exit code. */
  end(code: number): void
}

/** Waits for the order to end. A second order ends the process at once, whatever is under way. */
export const untilToldToEnd = (): EndingWatch => {
  const { promise, resolve } = Promise.withResolvers<Ending>()
  let told = false
  const onSignal = (signal: NodeJS.Signals): void => {
    if (told) process.exit(signal === 'SIGINT' ? 130 : 143)
    told = true
    resolve({ signal, code: 0 })
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  return {
    ended: promise,
    end: (code) => {
      told = true
      resolve({ signal: 'internal error', code })
    },
  }
}
