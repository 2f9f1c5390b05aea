import type { LogFields, Logger, LogLevel } from '@mreg/core'
import { type Logger as Pino, pino } from 'pino'
import type { PrettyStream } from 'pino-pretty'

import type { LogOutput } from './log-output.ts'

/**
 * A logger on standard error: lines for a person at a terminal, JSON for everything else.
 *
 * @param terminal whether a person is there to read.
 * @param output takes the lines when there is none.
 */
export const createLogger = async (
  level: LogLevel,
  terminal: boolean,
  output: LogOutput,
): Promise<Logger> => {
  const options = {
    level,
    base: null,
    // Errors carry causes that quote requests; these names must never be there.
    redact: { paths: ['*.authorization', '*.headers', '*.password', '*.secret'], censor: '[redacted]' },
    serializers: { error: pino.stdSerializers.err },
  }
  return adapt(terminal ? pino(options, await prettyStream()) : pino(options, output))
}

const prettyStream = async (): Promise<PrettyStream> => {
  const { default: pretty } = await import('pino-pretty')
  return pretty({
    destination: 2,
    sync: true,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,hostname',
    singleLine: true,
  })
}

const adapt = (log: Pino): Logger => ({
  debug: (message, fields) => log.debug(fields ?? {}, message),
  info: (message, fields) => log.info(fields ?? {}, message),
  warn: (message, fields) => log.warn(fields ?? {}, message),
  error: (message, fields) => log.error(fields ?? {}, message),
  child: (fields: LogFields) => adapt(log.child(fields)),
})
