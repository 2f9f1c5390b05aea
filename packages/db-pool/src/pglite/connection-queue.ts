import { DatabaseUnavailableError } from '../errors/database-unavailable-error.ts'

/** One who waits for the connection. */
interface Waiter {
  readonly wake: () => void
  readonly refuse: (error: DatabaseUnavailableError) => void
}

/** Hands out the one connection, first come first served. Every wait has a limit, and so has their number. */
export class ConnectionQueue {
  readonly #timeoutMs: number
  readonly #maxWaiting: number
  readonly #waiting = new Set<Waiter>()
  #taken = false
  #closed: DatabaseUnavailableError | undefined

  /**
   * @param timeoutMs how long {@link take} waits when it is not told otherwise, in milliseconds.
   * @param maxWaiting how many may wait at once.
   */
  constructor(timeoutMs: number, maxWaiting: number) {
    this.#timeoutMs = timeoutMs
    this.#maxWaiting = maxWaiting
  }

  get taken(): boolean {
    return this.#taken
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * Waits for the connection.
   *
   * @returns what gives it back; calling that twice is harmless.
   * @throws {DatabaseUnavailableError} reason `exhausted` or `closed`.
   */
  async take(timeoutMs: number = this.#timeoutMs): Promise<() => void> {
    if (this.#closed !== undefined) {
      throw this.#closed
    }
    if (this.#taken) {
      if (this.#waiting.size >= this.#maxWaiting) {
        const message = `the embedded database is busy and ${this.#waiting.size} sessions are waiting already`
        throw new DatabaseUnavailableError('exhausted', message)
      }
      await this.#turn(timeoutMs)
    }
    return this.#hand()
  }

  /**
   * Refuses everyone who waits or comes from now on, and waits for the one who has the connection.
   *
   * @returns whether it came back within `timeoutMs`.
   */
  async close(timeoutMs: number): Promise<boolean> {
    const closed = new DatabaseUnavailableError('closed', 'the database pool was closed')
    this.#closed = closed
    for (const waiter of this.#waiting) {
      waiter.refuse(closed)
    }
    return (
      !this.#taken ||
      (await this.#turn(timeoutMs).then(
        () => true,
        () => false,
      ))
    )
  }

  #hand(): () => void {
    this.#taken = true
    let given = false
    return () => {
      if (!given) {
        given = true
        this.#giveBack()
      }
    }
  }

  #turn(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(waiter)
      }
      const waiter: Waiter = {
        wake: () => {
          leave()
          resolve()
        },
        refuse: (error) => {
          leave()
          reject(error)
        },
      }
      const timer = setTimeout(() => {
        const message = `the embedded database was busy for ${timeoutMs} ms; it runs one session at a time`
        waiter.refuse(new DatabaseUnavailableError('exhausted', message))
      }, timeoutMs)
      this.#waiting.add(waiter)
    })
  }

  #giveBack(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#taken = false
    } else {
      // It stays taken: nobody who comes now may overtake the one who is woken.
      next.wake()
    }
  }
}
