import { isLoopback } from '../loopback.ts'
import type { SettingGroups } from './groups.ts'
import type { Environment } from './presets.ts'
import type { SettingFault } from './settings-error.ts'
import type { Settings } from './settings.ts'
import { weakness } from './weak-key.ts'

/** What is judged together. */
export interface Combination {
  readonly environment: Environment
  readonly hosts: readonly string[]
  readonly publicUrl: URL | undefined
  readonly mode: Settings['access']['mode']
  readonly healthMode: Settings['healthMode']
  readonly workers: number
  readonly storeKind: Settings['store']['kind']
  readonly hasRedis: boolean
  readonly adminKey: string | undefined
  readonly secretKeys: readonly string[] | undefined
  readonly groups: SettingGroups
}

/** What is wrong although every setting alone is right. */
export const combinationFaults = (combination: Combination): SettingFault[] => [
  ...openFaults(combination),
  ...storeFaults(combination),
  ...keyFaults(combination),
  ...oidcFaults(combination.groups.oidc),
]

/** Nobody is let in unasked who does not sit at this machine. */
const openFaults = ({ environment, groups, hosts, mode, publicUrl }: Combination): SettingFault[] => {
  const faults: SettingFault[] = []
  const offLoopback = hosts.filter((host) => !isLoopback(host))
  if (mode === 'none') {
    const named = groups.security.allowedHosts.filter((host) => !isLoopback(host))
    const why = [
      ...(environment === 'production' ? ['in production'] : []),
      ...(offLoopback.length > 0 ? [`while MREG_HOST listens on ${offLoopback.join(', ')}`] : []),
      // Something in front of the gateway brings in others then.
      ...(publicUrl !== undefined && !isLoopback(publicUrl.hostname)
        ? [`while MREG_PUBLIC_URL says that others reach the gateway at ${publicUrl.host}`]
        : []),
      ...(named.length > 0 ? [`while security.allowedHosts names ${named.join(', ')}`] : []),
    ][0]
    if (why !== undefined) faults.push({ setting: 'MREG_AUTH_MODE', message: `must be "required" ${why}` })
  }
  if (offLoopback.length > 0 && publicUrl === undefined) {
    faults.push({
      setting: 'MREG_PUBLIC_URL',
      message: `must be set while MREG_HOST listens on ${offLoopback.join(', ')}: the URL by which clients reach the gateway`,
    })
  }
  return faults
}

const storeFaults = ({ hasRedis, healthMode, storeKind, workers }: Combination): SettingFault[] => {
  const faults: SettingFault[] = []
  if (healthMode === 'worker' && storeKind !== 'postgres') {
    faults.push({ setting: 'MREG_HEALTH_MODE', message: '"worker" needs MREG_DATABASE_URL=postgres://…' })
  }
  if (workers > 1 && (storeKind !== 'postgres' || !hasRedis)) {
    faults.push({
      setting: 'MREG_WORKERS',
      message: 'more than one needs MREG_DATABASE_URL=postgres://… and MREG_REDIS_URL=redis://…',
    })
  }
  return faults
}

const keyFaults = ({ adminKey, environment, secretKeys }: Combination): SettingFault[] => {
  const faults: SettingFault[] = []
  for (const [setting, keys] of [
    ['MREG_ADMIN_KEY', adminKey === undefined ? [] : [adminKey]],
    ['MREG_SECRET_KEY', secretKeys ?? []],
  ] as const) {
    if (environment === 'production' && keys.length === 0)
      faults.push({ setting, message: 'must be set in production, to at least 32 random characters' })
    const why = keys.map(weakness).find((found) => found !== undefined)
    if (why !== undefined)
      faults.push({ setting, message: `is weak (${why}): use at least 32 random characters` })
  }
  return faults
}

const oidcFaults = (oidc: SettingGroups['oidc']): SettingFault[] => {
  const faults: SettingFault[] = []
  const isMapped = Object.values(oidc.roles).some((values) => values !== undefined && values.length > 0)
  if (oidc.issuer !== undefined && oidc.defaultRole === 'none' && !isMapped) {
    faults.push({
      setting: 'oidc.roles',
      message:
        'lets nobody in: say which roles or groups of the provider give which role, or set oidc.defaultRole to "user"',
    })
  }
  if (oidc.tenantClaim === undefined && Object.keys(oidc.tenants).length > 0)
    faults.push({ setting: 'oidc.tenantClaim', message: 'must be set while oidc.tenants says anything' })
  return faults
}
