/** The oldest Node.js that everything here runs on. */
export const REQUIRED_NODE = { major: 24, minor: 11 } as const

/** The one that is fetched when the present one is older. */
export const FETCHED_NODE_VERSION = '24.21.0'

/** Whether a version such as `24.11.0` is new enough. */
export const isRequiredNode = (version: string = process.versions.node): boolean => {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > REQUIRED_NODE.major || (major === REQUIRED_NODE.major && minor >= REQUIRED_NODE.minor)
}
