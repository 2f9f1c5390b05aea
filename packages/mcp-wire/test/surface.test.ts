import { expect, test } from 'vitest'

import * as wire from '../src/index.ts'

test('The package exports what is written here, and nothing else', () => {
  expect(Object.keys(wire).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
    'ASSUMED_LEGACY_VERSION',
    'DEFAULT_SCAN_LIMITS',
    'ERROR_CODE',
    'HEADER',
    'HeaderValueError',
    'LEGACY_VERSIONS',
    'MAX_SCAN_DEPTH',
    'META',
    'MODERN_VERSIONS',
    'SseDecoder',
    'SseEventTooLargeError',
    'WireError',
    'checkModernHeaders',
    'checkParamHeaders',
    'classifyEra',
    'contentUris',
    'decodeHeaderValue',
    'editMembers',
    'encodeError',
    'encodeHeaderValue',
    'encodeNotification',
    'encodeParamHeader',
    'encodeRequest',
    'encodeResult',
    'encodeSseComment',
    'encodeSseEvent',
    'exposedName',
    'findMember',
    'isLegacyVersion',
    'isModernVersion',
    'isRecognisedModernError',
    'listElements',
    'listMembers',
    'mirroredArguments',
    'mirroredName',
    'mirroredValue',
    'nameSourceOf',
    'paramHeaderMatches',
    'prefixUri',
    'readValue',
    'scanMessage',
    'spliceMessage',
    'splitPrefixedUri',
  ])
})

test('Versions are known by their era, codes by what sends them', () => {
  expect(wire.LEGACY_VERSIONS[0]).toBe('2025-11-25')
  expect(wire.LEGACY_VERSIONS.every((version) => wire.isLegacyVersion(version))).toBe(true)
  expect(wire.LEGACY_VERSIONS.some((version) => wire.isModernVersion(version))).toBe(false)
  expect(wire.MODERN_VERSIONS.every((version) => wire.isModernVersion(version))).toBe(true)
  const modern = Object.values(wire.ERROR_CODE).filter((code) => wire.isRecognisedModernError(code))
  expect(modern).toEqual([-32020, -32021, -32022])
  expect(wire.isRecognisedModernError(undefined)).toBe(false)
})
