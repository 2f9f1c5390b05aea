/** Protocol versions with sessions and `initialize`, newest first. */
export const LEGACY_VERSIONS: readonly string[] = Object.freeze([
  '2025-11-25',
  '2025-06-18',
  '2025-03-26',
  '2024-11-05',
  '2024-10-07',
])

/** Protocol versions in which every request speaks for itself, newest first. */
export const MODERN_VERSIONS: readonly string[] = Object.freeze(['2026-07-28'])

/** The version of a legacy request over HTTP that names none and has no session. */
export const ASSUMED_LEGACY_VERSION = '2025-03-26'

/** True for a legacy version that this package knows. */
export function isLegacyVersion(version: string): boolean {
  return LEGACY_VERSIONS.includes(version)
}

/** True for a modern version that this package knows. */
export function isModernVersion(version: string): boolean {
  return MODERN_VERSIONS.includes(version)
}
