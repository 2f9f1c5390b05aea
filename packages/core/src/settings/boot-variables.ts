/** One variable of the process environment that the gateway reads at its start. */
export interface BootVariable {
  readonly name: string
  /** The default in development, in words. */
  readonly fallback: string
  readonly meaning: string
  /** A secret's value is never shown. */
  readonly secret?: true
}

/**
 * Everything that is read from the environment. Limits, timers and policies are not here: they live in
 * the settings file. Each may be given as `NAME_FILE` instead: the path of a file that holds the value.
 */
export const bootVariables = [
  {
    name: 'MREG_ENVIRONMENT',
    fallback: '`development`',
    meaning: '`development`, `testing` or `production`: picks the preset of every group',
  },
  {
    name: 'MREG_HOST',
    fallback: '`127.0.0.1` and `::1`',
    meaning: 'listen address, or several with commas; anything but loopback needs `MREG_AUTH_MODE=required`',
  },
  { name: 'MREG_PORT', fallback: '`6734`', meaning: 'listen port; `0` takes a free one' },
  {
    name: 'MREG_PUBLIC_URL',
    fallback: 'the listen address',
    meaning: 'the URL that clients see; required off loopback; may have a path',
  },
  {
    name: 'MREG_DATA_DIR',
    fallback: '`./.mreg` in the repository, else the user’s data directory',
    meaning:
      'embedded database, generated keys, the file by which the command line finds the gateway; one process at a time',
  },
  {
    name: 'MREG_DATABASE_URL',
    fallback: 'unset',
    meaning: 'unset: embedded database in the data directory; `memory://`: in memory; `postgres://…`: a pool',
    secret: true,
  },
  {
    name: 'MREG_DATABASE_LISTEN_URL',
    fallback: 'the database URL',
    meaning: 'a direct connection for LISTEN when the other goes through a pooler; `off` polls each second',
    secret: true,
  },
  {
    name: 'MREG_REDIS_URL',
    fallback: 'unset',
    meaning: 'unset: cache inside the process; `redis://…` or `rediss://…`: shared',
    secret: true,
  },
  {
    name: 'MREG_HEALTH_MODE',
    fallback: '`embedded`',
    meaning: '`embedded` (inside the gateway), `worker` (a process of its own; needs `postgres://`), `off`',
  },
  {
    name: 'MREG_WORKERS',
    fallback: '`1`',
    meaning:
      'processes that share the port; more than one needs `postgres://` and `redis://` (this version runs one, and says so)',
  },
  { name: 'MREG_CONFIG', fallback: 'unset', meaning: 'path of the settings file (JSON)' },
  {
    name: 'MREG_AUTH_MODE',
    fallback: '`none`',
    meaning: 'about `/mcp` only: `none` (loopback only) or `required`; `/api` always needs a key',
  },
  {
    name: 'MREG_ADMIN_KEY',
    fallback: 'generated into the data directory',
    meaning: 'the administrator’s key (`admin.key`)',
    secret: true,
  },
  {
    name: 'MREG_SECRET_KEY',
    fallback: 'generated into the data directory',
    meaning: 'keys for encryption, newest first, with commas (`secret.key`)',
    secret: true,
  },
  { name: 'MREG_LOG_LEVEL', fallback: '`info`', meaning: '`debug`, `info`, `warn`, `error` or `silent`' },
] as const satisfies readonly BootVariable[]

export type BootVariableName = (typeof bootVariables)[number]['name']
