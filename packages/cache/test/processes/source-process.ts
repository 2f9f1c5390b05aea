import { fileURLToPath } from 'node:url'

import { ManagedProcess } from '@mreg/testing'

/** Runs a file of this folder from source, as a process of its own. */
export const startSource = (file: string, ...parameters: readonly string[]): ManagedProcess =>
  new ManagedProcess({
    command: process.execPath,
    arguments: ['--conditions=@mreg/source', fileURLToPath(new URL(file, import.meta.url)), ...parameters],
  })
