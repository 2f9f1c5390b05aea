import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { SettingsFile } from '@mreg/core'

import { InProcessGateway } from './in-process-gateway.ts'

/** A gateway that takes the tokens of a provider; `environment` goes over `MREG_AUTH_MODE=required`. */
export const startWithTokens = async (
  oidc: NonNullable<SettingsFile['oidc']>,
  environment: Readonly<Record<string, string>> = {},
): Promise<InProcessGateway> => {
  const folder = mkdtempSync(join(tmpdir(), 'mreg-settings-'))
  try {
    const file = join(folder, 'settings.json')
    writeFileSync(file, JSON.stringify({ oidc }))
    return await InProcessGateway.start({
      MREG_AUTH_MODE: 'required',
      MREG_CONFIG: file,
      ...environment,
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}
