/** What bounds the processes of servers that are started here. The group `stdio` of the settings has these members. */
export interface StdioLimits {
  /** Until a process is ready, in milliseconds. */
  readonly startMs: number
  /** The same for one that first has to be fetched, by npx, uvx, docker and their like. */
  readonly packageStartMs: number
  /** Of those, how many start at once. */
  readonly maxStarting: number
  /** How long a process may leave a message unread, in milliseconds. */
  readonly writeMs: number
  /** Between the request to end and the end by force, in milliseconds. */
  readonly stopMs: number
  /** A process that nobody uses for so long is ended, in milliseconds. */
  readonly idleMs: number
  /** After a second failure in a row, how long until the next start, in milliseconds; doubles with each further one. */
  readonly restartMs: number
  /** The most that doubling comes to. */
  readonly maxRestartMs: number
  /** Processes at once, of all servers. */
  readonly maxProcesses: number
  /** Processes at once of one server. */
  readonly maxProcessesPerServer: number
}
