/** What the processes of an endpoint are doing. */
export interface StdioState {
  /** `failed`: none runs, because the last one could not be started or ended by itself. */
  readonly state: 'starting' | 'running' | 'stopped' | 'failed'
  /** How many there are, those that are starting included. */
  readonly processes: number
  /** The last line that one of them wrote to its standard error; undefined when there was none. */
  readonly lastErrorLine: string | undefined
}
