/** Whether Redis can be used, and why not. */
export interface ConnectionState {
  readonly connected: boolean
  /** Why the connection was lost or could not be made. Holds no password. */
  readonly error?: unknown
}
