/** What may stand beside a message: plain data, no secrets. */
export type LogFields = Readonly<Record<string, unknown>>

/**
 * The seam through which every package logs. The apps bind it to a real logger; a library that is
 * used alone gets {@link silentLogger}.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A logger that adds `fields` to everything it writes. */
  child(fields: LogFields): Logger
}

/** A logger that says nothing. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
}
