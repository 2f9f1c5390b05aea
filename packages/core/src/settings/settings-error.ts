import { MregError } from '../errors/mreg-error.ts'

/** One setting that is wrong. */
export interface SettingFault {
  /** The variable (`MREG_PORT`) or the path in the settings file (`limits.maxRequestBytes`). */
  readonly setting: string
  /** What is wrong and what would be right; never the value of a secret. */
  readonly message: string
}

/** The settings cannot be used. One error lists every faulty setting, so that one start shows them all. */
export class SettingsError extends MregError {
  readonly faults: readonly SettingFault[]

  constructor(faults: readonly SettingFault[]) {
    super(
      'configuration',
      'invalid_settings',
      faults.map(({ setting, message }) => `${setting}: ${message}`).join('; '),
    )
    this.faults = faults
  }

  static override is(error: unknown): error is SettingsError {
    return MregError.is(error) && error.code === 'invalid_settings'
  }
}
