import { CommandFailure } from '../command-failure.ts'
import { EXIT_CODE } from '../exit-code.ts'

/** What the gateway says of an error (RFC 9457). */
export interface Problem {
  readonly status: number
  /** Stable; may be switched on. */
  readonly code: string
  readonly detail: string
  readonly faults: readonly { readonly path: string; readonly message: string }[]
}

/** The gateway answered with an error. */
export class GatewayRefusal extends CommandFailure {
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.code, problem.detail, {
      exitCode: problem.status < 500 ? EXIT_CODE.refused : EXIT_CODE.failed,
      hints: hintsFor(problem),
    })
    this.problem = problem
  }

  static override is(error: unknown): error is GatewayRefusal {
    return CommandFailure.is(error) && 'problem' in error
  }
}

const hintsFor = ({ code }: Problem): string[] => {
  switch (code) {
    case 'key_missing':
      return ['Set MREG_KEY, or MREG_DATA_DIR to the data directory of the gateway (its admin.key is used).']
    case 'key_invalid':
      return ['MREG_KEY, or admin.key in the data directory, is not the key of this gateway: mreg keys']
    case 'server_not_found':
      return ['See what is registered with: mreg list']
    case 'server_slug_taken':
      return ['Show it with: mreg show NAME', 'Replace it with: mreg remove NAME, then add it again']
    default:
      return []
  }
}
