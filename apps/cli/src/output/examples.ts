/** An example for the help of a command: what to type, and what it is for. */
export type Example = readonly [typed: string, purpose: string]

/** The examples as the last section of a help text. */
export const examplesHelp = (examples: readonly Example[]): string =>
  `\nExamples:\n${examples.map(([typed, purpose]) => `  # ${purpose}\n  $ ${typed}`).join('\n')}\n`
