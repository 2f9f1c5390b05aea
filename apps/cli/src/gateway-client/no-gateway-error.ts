import { CommandFailure } from '../command-failure.ts'
import { EXIT_CODE } from '../exit-code.ts'

/** No gateway runs where one was looked for. */
export class NoGatewayError extends CommandFailure {
  /** Where was looked: data directories, or the URL of `MREG_URL`. */
  readonly places: readonly string[]

  constructor(message: string, places: readonly string[], options: ErrorOptions = {}) {
    super('no_gateway', message, {
      ...options,
      exitCode: EXIT_CODE.noGateway,
      hints: [
        'Start one with: mreg serve',
        'One that runs elsewhere is named by MREG_DATA_DIR, or by MREG_URL and MREG_KEY.',
      ],
    })
    this.places = places
  }
}
