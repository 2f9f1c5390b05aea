import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { META, scanMessage, spliceMessage, type Span } from '../src/index.ts'
import { PROPERTY_TIMEOUT_MS, propertyRuns } from './support/property-runs.ts'
import { refusalOf, textOf, utf8 } from './support/verdicts.ts'
import {
  hardString,
  memberOf,
  repeatsKey,
  scalarOf,
  stringOf,
  withMember,
  writeJson,
  writtenJson,
  type WrittenJson,
} from './support/written-json.ts'

function textAt(bytes: Uint8Array, span: Span | undefined): string | undefined {
  return span === undefined ? undefined : textOf(bytes.subarray(span.start, span.end))
}

/** The text that the span of a member must cover. */
function writtenText(json: WrittenJson | undefined): string | undefined {
  return json === undefined ? undefined : writeJson(json)
}

/** The value when it is a string or an object, as some spans are given only then. */
function only(kind: 'string' | 'object', json: WrittenJson | undefined): WrittenJson | undefined {
  return json?.kind === kind ? json : undefined
}

describe('A scan reads what was written', () => {
  const spelling = fc.nat({ max: 20 })
  const json = writtenJson(hardString.map((key) => `x${key}`)).filter((value) => !repeatsKey(value))
  const text = fc.record({ kind: fc.constant('string' as const), value: hardString, spelling })
  const id = fc.oneof(
    fc.maxSafeInteger().map((value): WrittenJson => ({ kind: 'literal', text: `${value}` })),
    text.filter(({ value }) => value.length < 100),
  )

  function members(entries: Record<string, fc.Arbitrary<WrittenJson>>): fc.Arbitrary<WrittenJson> {
    const vendor = fc.record({
      key: hardString.map((key) => `vendor/${key.replaceAll('\0', '')}`),
      value: json,
      spelling,
    })
    const known = fc
      .subarray(Object.keys(entries))
      .chain((keys) =>
        fc.tuple(...keys.map((key) => fc.record({ key: fc.constant(key), value: entries[key]!, spelling }))),
      )
    return fc
      .tuple(known, fc.uniqueArray(vendor, { selector: ({ key }) => key, maxLength: 3 }), fc.nat())
      .chain(([pairs, vendors, space]) =>
        fc
          .shuffledSubarray([...pairs, ...vendors], { minLength: pairs.length + vendors.length })
          .map((all) => ({ kind: 'object' as const, members: all, space })),
      )
  }

  const meta = members({
    [META.protocolVersion]: fc.oneof(text, json),
    [META.clientCapabilities]: json,
    [META.clientInfo]: json,
    [META.logLevel]: fc.oneof(text, json),
    [META.subscriptionId]: id,
    [META.progressToken]: id,
    [META.traceparent]: fc.oneof(text, json),
  })
  const params = members({
    name: fc.oneof(text, json),
    uri: fc.oneof(text, json),
    taskId: text,
    arguments: json,
    requestId: id,
    progressToken: id,
    _meta: meta,
  })
  const fixed = (value: string) =>
    fc.record({ kind: fc.constant('string' as const), value: fc.constant(value), spelling })
  const message = fc
    .tuple(
      fc.option(id, { nil: undefined }),
      text,
      fc.option(params, { nil: undefined }),
      fixed('2.0'),
      spelling,
      fc.nat(),
    )
    .chain(([idValue, method, paramsValue, version, keySpelling, space]) => {
      const all: { key: string; spelling: number; value: WrittenJson }[] = [
        { key: 'jsonrpc', spelling: keySpelling, value: version },
        { key: 'method', spelling: keySpelling, value: method },
      ]
      if (idValue !== undefined) all.push({ key: 'id', spelling: keySpelling, value: idValue })
      if (paramsValue !== undefined) all.push({ key: 'params', spelling: keySpelling, value: paramsValue })
      return fc
        .shuffledSubarray(all, { minLength: all.length })
        .map((shuffled): WrittenJson => ({ kind: 'object', members: shuffled, space }))
    })

  test(
    'whatever the order of keys, the escapes and the white space',
    () => {
      fc.assert(
        fc.property(message, (written) => {
          const bytes = utf8(writeJson(written))
          const scanned = scanMessage(bytes)
          const { meta: scannedMeta } = scanned
          const writtenId = memberOf(written, 'id')
          const parameters = memberOf(written, 'params')
          const metadata = memberOf(parameters, '_meta')

          expect(scanned.kind).toBe(writtenId === undefined ? 'notification' : 'request')
          expect(scanned.id).toBe(scalarOf(writtenId))
          expect(textAt(bytes, scanned.idSpan)).toBe(writtenText(writtenId))
          expect(scanned.method).toBe(stringOf(memberOf(written, 'method')))
          expect(textAt(bytes, scanned.methodSpan)).toBe(writtenText(memberOf(written, 'method')))
          expect(textAt(bytes, scanned.paramsSpan)).toBe(writtenText(parameters))
          for (const key of ['name', 'uri', 'taskId'] as const) {
            expect(scanned[key]).toBe(stringOf(memberOf(parameters, key)))
            expect(textAt(bytes, scanned[`${key}Span`])).toBe(
              writtenText(only('string', memberOf(parameters, key))),
            )
          }
          for (const key of ['requestId', 'progressToken'] as const) {
            expect(scanned[key]).toBe(scalarOf(memberOf(parameters, key)))
            expect(textAt(bytes, scanned[`${key}Span`])).toBe(writtenText(memberOf(parameters, key)))
          }
          expect(textAt(bytes, scanned.argumentsSpan)).toBe(writtenText(memberOf(parameters, 'arguments')))

          expect(textAt(bytes, scannedMeta?.span)).toBe(writtenText(metadata))
          const version = memberOf(metadata, META.protocolVersion)
          expect(scannedMeta?.protocolVersion).toBe(stringOf(version))
          expect(textAt(bytes, scannedMeta?.protocolVersionSpan)).toBe(writtenText(version))
          const clientInfo = memberOf(metadata, META.clientInfo)
          expect(scannedMeta?.hasClientInfo ?? false).toBe(clientInfo !== undefined)
          expect(textAt(bytes, scannedMeta?.clientInfoSpan)).toBe(writtenText(clientInfo))
          const capabilities = only('object', memberOf(metadata, META.clientCapabilities))
          expect(textAt(bytes, scannedMeta?.clientCapabilitiesSpan)).toBe(writtenText(capabilities))
          const token = memberOf(metadata, META.progressToken)
          expect(scannedMeta?.progressToken).toBe(scalarOf(token))
          expect(textAt(bytes, scannedMeta?.progressTokenSpan)).toBe(writtenText(token))
          const subscriptionId = memberOf(metadata, META.subscriptionId)
          expect(scannedMeta?.subscriptionId).toBe(scalarOf(subscriptionId))
          expect(textAt(bytes, scannedMeta?.subscriptionIdSpan)).toBe(writtenText(subscriptionId))
          expect(scannedMeta?.logLevel).toBe(stringOf(memberOf(metadata, META.logLevel)))
          const traceparent = only('string', memberOf(metadata, META.traceparent))
          expect(scannedMeta?.traceparent).toBe(stringOf(traceparent))
          expect(textAt(bytes, scannedMeta?.traceparentSpan)).toBe(writtenText(traceparent))
        }),
        { numRuns: propertyRuns(1500) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )

  test(
    'and what is spliced into its spans is all that changes',
    () => {
      fc.assert(
        fc.property(message, hardString, (written, replacement) => {
          const bytes = utf8(writeJson(written))
          const scanned = scanMessage(bytes)
          const replacementText = JSON.stringify(replacement)
          const changed: WrittenJson = { kind: 'literal', text: replacementText }
          let expected = written
          const parameters = memberOf(written, 'params')
          if (scanned.nameSpan !== undefined) {
            expected = withMember(expected, 'params', withMember(parameters!, 'name', changed))
          }
          if (scanned.idSpan !== undefined) expected = withMember(expected, 'id', changed)
          const spans = [scanned.nameSpan, scanned.idSpan].filter((span) => span !== undefined)
          const spliced = spliceMessage(
            bytes,
            spans.map((span) => ({ span, replacement: replacementText })),
          )
          expect(textOf(spliced)).toBe(writeJson(expected))
        }),
        { numRuns: propertyRuns(700) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )
})

describe('A repeated key', () => {
  const fewKeys = fc.oneof(
    fc.constantFrom('a', 'b', 'ab', 'é', '東', '😀', '\ud800', '"', '', '__proto__', '0', '1'),
    fc.string({ maxLength: 3 }),
  )
  const manyKeys = fc.nat({ max: 60 }).map((index) => `key${index}`)

  test(
    'is refused exactly when some object decodes to two equal keys',
    () => {
      fc.assert(
        fc.property(fc.oneof(writtenJson(fewKeys), writtenJson(manyKeys)), (json) => {
          const bytes = utf8(`{"jsonrpc":"2.0","method":"m","params":{"value":${writeJson(json)}}}`)
          expect(refusalOf(bytes)).toBe(repeatsKey(json) ? 'duplicate_key' : undefined)
          expect(refusalOf(bytes, { duplicateKeys: 'envelope' })).toBeUndefined()
        }),
        { numRuns: propertyRuns(2000) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )
})
