/** Names that every child inherits: where programs and files are, the language, and the way out to the network. */
const INHERITED_NAMES: ReadonlySet<string> = new Set([
  // Programs, files, who runs it
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'TERM',
  'XDG_CACHE_HOME',
  'XDG_CONFIG_HOME',
  'XDG_DATA_HOME',
  'XDG_RUNTIME_DIR',
  'XDG_STATE_HOME',
  // Temporary files
  'TMPDIR',
  'TMP',
  'TEMP',
  // Locale; LC_* besides
  'LANG',
  'LANGUAGE',
  'TZ',
  // Proxies, in either case
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'ALL_PROXY',
  'NO_PROXY',
  // Certificate authorities
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  // What programs on Windows cannot do without
  'APPDATA',
  'COMSPEC',
  'HOMEDRIVE',
  'HOMEPATH',
  'LOCALAPPDATA',
  'PATHEXT',
  'PROCESSOR_ARCHITECTURE',
  'PROGRAMDATA',
  'PROGRAMFILES',
  'PROGRAMFILES(X86)',
  'SYSTEMDRIVE',
  'SYSTEMROOT',
  'USERNAME',
  'USERPROFILE',
  'WINDIR',
])

/**
 * How npm is told where packages come from and are kept. Not every `npm_config_*`: when the gateway itself was started
 * by npx, `npm_config_package` and its like are about the gateway, and another npx would obey them.
 */
const NPM_SETTINGS: ReadonlySet<string> = new Set([
  'ca',
  'cache',
  'cafile',
  'fetch_retries',
  'fetch_retry_maxtimeout',
  'fetch_retry_mintimeout',
  'fetch_timeout',
  'globalconfig',
  'https_proxy',
  'noproxy',
  'offline',
  'prefer_offline',
  'proxy',
  'registry',
  'strict_ssl',
  'userconfig',
])

const isInherited = (name: string): boolean => {
  const upper = name.toUpperCase()
  if (INHERITED_NAMES.has(upper) || upper.startsWith('LC_')) return true
  return upper.startsWith('NPM_CONFIG_') && NPM_SETTINGS.has(name.slice('NPM_CONFIG_'.length).toLowerCase())
}

/**
 * The whole environment of a child: of `inherited` only the names below, then `own` over it.
 *
 * Inherited are PATH, HOME, USER, LOGNAME, SHELL, TERM and the XDG directories; TMPDIR, TMP and TEMP; LANG, LANGUAGE,
 * LC_* and TZ; HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY in either case; NODE_EXTRA_CA_CERTS, SSL_CERT_FILE,
 * SSL_CERT_DIR, REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE; of npm's settings those about registry, cache, proxy and
 * certificates; on Windows what programs cannot do without. No key, token or setting of the parent is among them.
 */
export const childEnvironment = (
  own: Readonly<Record<string, string>> = {},
  inherited: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> => {
  const environment: Record<string, string> = {}
  for (const [name, value] of Object.entries(inherited)) {
    // A value of this form is a function of an old shell: code, not data.
    if (value === undefined || value.startsWith('()') || !isInherited(name)) continue
    environment[name] = value
  }
  return { ...environment, ...own }
}

/** POSIX.1-2024, XBD section 8.1, without the lower-case restriction that nobody keeps. */
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/u

/** Variables by which whoever sets them runs code of their own inside a program, or makes it load another library. */
const CODE_LOADERS: ReadonlySet<string> = new Set([
  'BASH_ENV',
  'GCONV_PATH',
  'GLIBC_TUNABLES',
  'JAVA_TOOL_OPTIONS',
  'NODE_OPTIONS',
  'NODE_REPL_EXTERNAL_MODULE',
  'PERL5OPT',
  'PROMPT_COMMAND',
  'PYTHONSTARTUP',
  'RUBYOPT',
  '_JAVA_OPTIONS',
])

/** Why a variable may not be set for a child, in words for a person; undefined when it may. Never holds the value. */
export const environmentFault = (name: string, value: string): string | undefined => {
  if (!NAME.test(name)) return 'is not the name of an environment variable'
  const upper = name.toUpperCase()
  if (upper.startsWith('MREG_')) return 'belongs to the gateway'
  if (CODE_LOADERS.has(upper) || upper.startsWith('LD_') || upper.startsWith('DYLD_')) {
    return 'loads code into whatever reads it; give the program an argument instead'
  }
  return value.includes('\0') ? 'holds a NUL character' : undefined
}
