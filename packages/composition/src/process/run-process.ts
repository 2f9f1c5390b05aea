import { createSettings, type Logger, type Settings } from '@mreg/core'

import { defaultDataDirectory } from './default-data-directory.ts'
import { fail } from './fail.ts'
import { LogOutput } from './log-output.ts'
import { createLogger } from './logging.ts'
import { untilToldToEnd } from './signals.ts'

/** What a process has before it builds anything. */
export interface ProcessStart {
  readonly settings: Settings
  readonly logger: Logger
  /** Whatever is opened goes in here; it is disposed of in reverse order at the end. */
  readonly resources: AsyncDisposableStack
}

/**
 * The life of a process: reads the settings, begins, waits for SIGTERM or SIGINT, and disposes of what was
 * opened. A start that fails says so in one line for each thing that is wrong, and ends with exit code 1;
 * so does an error that nobody caught, after everything has been closed. Whoever reads the log can hold up neither the process nor
 * its end.
 *
 * @param directory where the program is, to tell a repository from an installation.
 * @param begin builds and starts everything; fulfils when it runs.
 */
export const runProcess = async (
  directory: string,
  begin: (start: ProcessStart) => Promise<void>,
): Promise<void> => {
  const output = new LogOutput()
  try {
    const settings = createSettings({
      environment: process.env,
      defaultDataDirectory: defaultDataDirectory(directory),
    })
    const logger = await createLogger(
      settings.logLevel,
      process.stderr.isTTY && settings.environment !== 'production',
      output,
    )
    for (const warning of settings.warnings) logger.warn(warning)
    const told = untilToldToEnd()
    process.on('uncaughtException', (error) => {
      logger.error('an error was caught by nobody; the process ends', { error })
      told.end(1)
    })
    const resources = new AsyncDisposableStack()
    try {
      await begin({ settings, logger, resources })
      const { signal, code } = await told.ended
      logger.info('ending', { signal })
      process.exitCode = code
    } finally {
      await resources.disposeAsync()
    }
  } catch (error) {
    fail(error)
  }
  // A reader of the log that has stalled does not keep the process.
  if (!(await output.finish())) process.exit()
}
