import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { resolve } from 'node:path'

import * as z from 'zod'

import { isLoopback } from '../loopback.ts'
import { combinationFaults } from './combination-faults.ts'
import { type SettingGroups, type SettingsFile, settingsFileSchema } from './groups.ts'
import { ENVIRONMENTS, presets } from './presets.ts'
import { readEnvironment, reasonOf } from './read-environment.ts'
import { type SettingFault, SettingsError } from './settings-error.ts'
import type { Settings } from './settings.ts'

const url = (protocols: readonly string[]): z.ZodType<string> =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    error: `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  })

const bootSchema = z.object({
  MREG_ENVIRONMENT: z
    .enum(ENVIRONMENTS, { error: `must be ${ENVIRONMENTS.join(', ')}` })
    .default('development'),
  MREG_HOST: z
    .string()
    .transform((text) =>
      text
        .split(',')
        .map((host) => host.trim())
        .filter(Boolean),
    )
    .refine((hosts) => hosts.length > 0 && hosts.every((host) => host === 'localhost' || isIP(host) !== 0), {
      error: 'must be an IP address, "localhost", or several with commas',
    })
    .default(['127.0.0.1', '::1']),
  MREG_PORT: z.coerce
    .number({ error: 'must be a number' })
    .int('must be a whole number')
    .min(0, 'must be from 0 to 65535')
    .max(65_535, 'must be from 0 to 65535')
    .default(6734),
  MREG_PUBLIC_URL: url(['http:', 'https:'])
    .refine(
      (text) => !/[?#]|^\w+:\/\/[^/]*@/u.test(text),
      'must be a URL without a query and without credentials',
    )
    .optional(),
  MREG_DATA_DIR: z.string().optional(),
  MREG_DATABASE_URL: url(['postgres:', 'postgresql:', 'memory:']).optional(),
  MREG_DATABASE_LISTEN_URL: z
    .union([z.literal('off'), url(['postgres:', 'postgresql:'])], {
      error: 'must be "off" or a URL that starts with postgres://',
    })
    .optional(),
  MREG_REDIS_URL: url(['redis:', 'rediss:']).optional(),
  MREG_HEALTH_MODE: z
    .enum(['embedded', 'worker', 'off'], { error: 'must be embedded, worker or off' })
    .default('embedded'),
  MREG_WORKERS: z.coerce
    .number({ error: 'must be a number' })
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(256, 'must be at most 256')
    .default(1),
  MREG_CONFIG: z.string().optional(),
  MREG_AUTH_MODE: z.enum(['none', 'required'], { error: 'must be none or required' }).optional(),
  MREG_ADMIN_KEY: z.string().optional(),
  MREG_SECRET_KEY: z
    .string()
    .transform((text) =>
      text
        .split(',')
        .map((key) => key.trim())
        .filter(Boolean),
    )
    .optional(),
  MREG_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'], {
      error: 'must be debug, info, warn, error or silent',
    })
    .default('info'),
})

export interface CreateSettingsOptions {
  /** The process environment, such as `process.env`. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Where data goes when `MREG_DATA_DIR` is not set. Default: `.mreg` in the working directory. */
  readonly defaultDataDirectory?: string | undefined
  /** Gives the text of a file; throws when it cannot. Default: reads UTF-8 from disk. */
  readonly readFile?: ((path: string) => string) | undefined
}

/**
 * The settings factory: preset of the environment, then the settings file, then the environment
 * variables, each over the one before.
 *
 * @throws {SettingsError} that lists every faulty setting at once. It shows no secret.
 */
export const createSettings = (options: CreateSettingsOptions): Settings => {
  const readFile = options.readFile ?? ((path: string) => readFileSync(path, 'utf8'))
  const reading = readEnvironment(options.environment, readFile)
  const parsed = bootSchema.safeParse(reading.values)
  const faults = [...reading.faults, ...(parsed.success ? [] : faultsOf(parsed.error))]
  const environment = parsed.data?.MREG_ENVIRONMENT ?? 'development'
  if (environment !== 'production') faults.push(...reading.unknown)
  const file = readSettingsFile(reading.values.MREG_CONFIG, readFile, faults)
  if (!parsed.success) throw new SettingsError(faults)

  const boot = parsed.data
  const mode = boot.MREG_AUTH_MODE ?? (environment === 'production' ? 'required' : 'none')
  const groups = overlay(presets[environment], file)
  const publicUrl = boot.MREG_PUBLIC_URL === undefined ? undefined : new URL(boot.MREG_PUBLIC_URL)
  const combination = combinationFaults({
    environment,
    hosts: boot.MREG_HOST,
    publicUrl,
    mode,
    healthMode: boot.MREG_HEALTH_MODE,
    workers: boot.MREG_WORKERS,
    storeKind: storeKind(boot.MREG_DATABASE_URL),
    hasRedis: boot.MREG_REDIS_URL !== undefined,
    adminKey: boot.MREG_ADMIN_KEY,
    secretKeys: boot.MREG_SECRET_KEY,
    groups,
  })
  if (faults.length + combination.length > 0) throw new SettingsError([...faults, ...combination])

  return Object.freeze<Settings>({
    ...groups,
    environment,
    listen: { hosts: boot.MREG_HOST, port: boot.MREG_PORT, publicUrl },
    dataDirectory: resolve(boot.MREG_DATA_DIR ?? options.defaultDataDirectory ?? '.mreg'),
    store: {
      kind: storeKind(boot.MREG_DATABASE_URL),
      url: storeKind(boot.MREG_DATABASE_URL) === 'postgres' ? boot.MREG_DATABASE_URL : undefined,
      listenUrl: boot.MREG_DATABASE_LISTEN_URL,
      redisUrl: boot.MREG_REDIS_URL,
    },
    access: { mode, adminKey: boot.MREG_ADMIN_KEY, secretKeys: boot.MREG_SECRET_KEY },
    healthMode: boot.MREG_HEALTH_MODE,
    workers: boot.MREG_WORKERS,
    logLevel: boot.MREG_LOG_LEVEL,
    warnings: [
      ...reading.unknown.map(({ setting, message }) => `${setting} ${message}`),
      ...(environment === 'production' && publicUrl?.protocol === 'http:' && !isLoopback(publicUrl.hostname)
        ? ['MREG_PUBLIC_URL is not https: keys and tokens can be read on their way']
        : []),
    ],
  })
}

const storeKind = (databaseUrl: string | undefined): Settings['store']['kind'] => {
  if (databaseUrl === undefined) return 'embedded'
  return databaseUrl.startsWith('memory:') ? 'memory' : 'postgres'
}

const readSettingsFile = (
  path: string | undefined,
  readFile: (path: string) => string,
  faults: SettingFault[],
): SettingsFile => {
  if (path === undefined) return {}
  let content: unknown
  try {
    content = JSON.parse(readFile(path))
  } catch (error) {
    const reason =
      error instanceof SyntaxError ? `is not JSON: ${error.message}` : `cannot be read (${reasonOf(error)})`
    faults.push({ setting: 'MREG_CONFIG', message: `${path} ${reason}` })
    return {}
  }
  const parsed = settingsFileSchema.safeParse(content)
  if (parsed.success) return parsed.data
  faults.push(...faultsOf(parsed.error, path))
  return {}
}

const overlay = (preset: SettingGroups, file: SettingsFile): SettingGroups => ({
  limits: { ...preset.limits, ...defined(file.limits) },
  audit: { ...preset.audit, ...defined(file.audit) },
  rates: { ...preset.rates, ...defined(file.rates) },
  timeouts: { ...preset.timeouts, ...defined(file.timeouts) },
  breaker: { ...preset.breaker, ...defined(file.breaker) },
  fallback: { ...preset.fallback, ...defined(file.fallback) },
  health: { ...preset.health, ...defined(file.health) },
  catalog: { ...preset.catalog, ...defined(file.catalog) },
  stdio: { ...preset.stdio, ...defined(file.stdio) },
  egress: { ...preset.egress, ...defined(file.egress) },
  metrics: { ...preset.metrics, ...defined(file.metrics) },
  cache: { ...preset.cache, ...defined(file.cache) },
  database: { ...preset.database, ...defined(file.database) },
  changes: { ...preset.changes, ...defined(file.changes) },
  security: { ...preset.security, ...defined(file.security) },
  oidc: { ...preset.oidc, ...defined(file.oidc) },
})

/** The members that have a value: one that is undefined must not hide the preset's. */
const defined = <Group extends object>(
  group: Group | undefined,
): { [Name in keyof Group]?: Exclude<Group[Name], undefined> } =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the filter is what the type says
  Object.fromEntries(Object.entries(group ?? {}).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Group]?: Exclude<Group[Name], undefined>
  }

const faultsOf = (error: z.ZodError, file?: string): SettingFault[] =>
  error.issues.map((issue) => ({
    setting: issue.path.length === 0 ? (file ?? 'settings') : issue.path.join('.'),
    message: `${issue.message}${file === undefined ? '' : ` (in ${file})`}`,
  }))
