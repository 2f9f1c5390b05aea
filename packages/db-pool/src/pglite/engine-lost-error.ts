/** The thread has ended, and nobody asked it to. */
export class EngineLostError extends Error {
  /** Whether the thread had the task already, which it may have carried out. */
  readonly taskSent: boolean

  constructor(message: string, taskSent: boolean, options?: ErrorOptions) {
    super(message, options)
    this.name = 'EngineLostError'
    this.taskSent = taskSent
  }
}
