/** What the process ends with, for scripts to switch on. */
export const EXIT_CODE = {
  ok: 0,
  /** It was tried and did not work. */
  failed: 1,
  /** The command line itself is wrong. */
  usage: 2,
  /** No running gateway was found. */
  noGateway: 3,
  /** The gateway said no: wrong input, unknown name, a key that it does not take. */
  refused: 4,
} as const

export type ExitCode = (typeof EXIT_CODE)[keyof typeof EXIT_CODE]
