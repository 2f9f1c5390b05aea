import * as fc from 'fast-check'

/**
 * A JSON value as somebody may write it: members as pairs (a key may repeat), and a spelling for every string. What it
 * means is read from here and not by JSON.parse, which in V8 can take an escaped key for another one that it has seen
 * before (https://github.com/nodejs/node/issues/63785).
 */
export type WrittenJson =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'string'; readonly value: string; readonly spelling: number }
  | { readonly kind: 'array'; readonly items: readonly WrittenJson[]; readonly space: number }
  | { readonly kind: 'object'; readonly members: readonly WrittenMember[]; readonly space: number }

/** A member of a written object. */
export interface WrittenMember {
  readonly key: string
  readonly spelling: number
  readonly value: WrittenJson
}

const SPACES = ['', '', '', ' ', '\n  ', '\t', '\r\n']

/** Writes a string with the escapes that `spell` picks: 0 writes none that are not needed. */
export function writeString(value: string, spell: number): string {
  if (spell === 0) return JSON.stringify(value)
  let written = ''
  for (let index = 0; index < value.length; index++) {
    const unit = value.charCodeAt(index)
    const character = value[index]!
    const isSurrogate = unit >= 0xd800 && unit <= 0xdfff
    if ((spell + index * 7) % 3 === 0 || isSurrogate) {
      const hex = unit.toString(16).padStart(4, '0')
      written += `\\u${spell % 2 === 0 ? hex : hex.toUpperCase()}`
    } else if (character === '/' && spell % 5 === 0) {
      written += '\\/'
    } else {
      written += JSON.stringify(character).slice(1, -1)
    }
  }
  return `"${written}"`
}

/** The JSON text of a written value. */
export function writeJson(json: WrittenJson): string {
  if (json.kind === 'literal') return json.text
  if (json.kind === 'string') return writeString(json.value, json.spelling)
  const gap = SPACES[json.space % SPACES.length]!
  if (json.kind === 'array') {
    return `[${gap}${json.items.map((item) => writeJson(item)).join(`${gap},${gap}`)}${gap}]`
  }
  const members = json.members.map((member) => {
    return `${writeString(member.key, member.spelling)}${gap}:${gap}${writeJson(member.value)}`
  })
  return `{${gap}${members.join(`${gap},${gap}`)}${gap}}`
}

/** Whether an object in the value has a key twice. */
export function repeatsKey(json: WrittenJson): boolean {
  if (json.kind === 'array') return json.items.some((item) => repeatsKey(item))
  if (json.kind !== 'object') return false
  const keys = new Set(json.members.map(({ key }) => key))
  return keys.size < json.members.length || json.members.some(({ value }) => repeatsKey(value))
}

/** The value of a written object's member. */
export function memberOf(json: WrittenJson | undefined, key: string): WrittenJson | undefined {
  return json?.kind === 'object' ? json.members.find((member) => member.key === key)?.value : undefined
}

/** The value of a written string; undefined for anything else. */
export function stringOf(json: WrittenJson | undefined): string | undefined {
  return json?.kind === 'string' ? json.value : undefined
}

/** The value of a written string or number. */
export function scalarOf(json: WrittenJson | undefined): string | number | undefined {
  return json?.kind === 'literal' ? Number(json.text) : stringOf(json)
}

/** The written object with another value for a member that it has. */
export function withMember(json: WrittenJson, key: string, value: WrittenJson): WrittenJson {
  if (json.kind !== 'object') throw new TypeError('Only an object has members')
  return {
    ...json,
    members: json.members.map((member) => (member.key === key ? { ...member, value } : member)),
  }
}

const spelling = fc.nat({ max: 20 })
const space = fc.nat({ max: 20 })
const number = fc.oneof(
  fc.integer().map((value) => `${value}`),
  fc.double({ noDefaultInfinity: true, noNaN: true }).map((value) => JSON.stringify(value)),
  fc.constantFrom('-0', '0.0', '1E+2', '1e-400', '123456789012345678901234567890', '0.1e1'),
)

/** Strings with what is hard about them: quotes, controls, non-ASCII, lone surrogates; now and then long. */
export const hardString: fc.Arbitrary<string> = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('"', '\\', '/', '\n', '\u0000', '\u001f', '\u007f', 'é', '東', '😀', '\ud800', 'a'),
  }),
  fc
    .tuple(fc.nat({ max: 700 }), fc.string({ maxLength: 3 }))
    .map(([length, end]) => 'x'.repeat(length) + end),
)

/** Written JSON values; keys come from `keys`, so that a small set of them makes repeats likely. */
export function writtenJson(keys: fc.Arbitrary<string>): fc.Arbitrary<WrittenJson> {
  return fc.letrec<{ json: WrittenJson }>((tie) => ({
    json: fc.oneof(
      { maxDepth: 4, depthSize: 'small', withCrossShrink: true },
      fc
        .oneof(fc.constantFrom('true', 'false', 'null'), number)
        .map((text) => ({ kind: 'literal' as const, text })),
      fc.record({ kind: fc.constant('string' as const), value: hardString, spelling }),
      fc.record({
        kind: fc.constant('array' as const),
        items: fc.array(tie('json'), { maxLength: 5 }),
        space,
      }),
      fc.record({
        kind: fc.constant('object' as const),
        members: fc.array(fc.record({ key: keys, spelling, value: tie('json') }), {
          maxLength: 24,
        }),
        space,
      }),
    ),
  })).json
}
