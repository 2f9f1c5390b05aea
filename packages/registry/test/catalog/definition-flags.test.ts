import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { definitionHash } from '../../src/catalog/definition-hash.ts'
import type { Definition } from '../../src/catalog/definition.ts'
import { definitionFlags } from '../../src/catalog/flags/definition-flags.ts'
import { hiddenCharactersIn, visibleText } from '../../src/catalog/flags/hidden-characters.ts'
import { lookAlikeKey } from '../../src/catalog/flags/look-alike-key.ts'

const tool = (more: object): Definition => {
  const bytes = Buffer.from(JSON.stringify({ name: 'read', inputSchema: { type: 'object' }, ...more }))
  return { kind: 'tool', name: 'read', bytes, hash: definitionHash(bytes) }
}
const codesOf = (more: object): readonly string[] => definitionFlags(tool(more)).map(({ code }) => code)

/** A tool with an argument like that. */
const withHeader = (property: object) => ({ inputSchema: { type: 'object', properties: { a: property } } })

describe('what stands out about a definition (S49)', () => {
  it('is nothing for one as they are, emoji and other scripts included', () => {
    expect(definitionFlags(tool({ description: 'Reads a file.\n\tOne at a time.' }))).toEqual([])
    const texts = ['👩‍💻 schreibt', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', 'می‌خواهم', 'क्‍ष', 'Ünïcödé', '日本語', 'שלום']
    expect(texts.flatMap((description) => codesOf({ description }))).toEqual([])
  })

  it.each([
    ['bidirectional_text', 'safe\u202Egnp.exe', 'U+202E'],
    ['zero_width_text', 'pass\u200Bword', 'U+200B'],
    ['tag_characters', `ok${String.fromCodePoint(0xe0049, 0xe0067)}`, 'U+E0049'],
    ['control_characters', 'text\u001B[2J', 'U+001B'],
  ])('%s, wherever it is, with the code point and in ASCII', (code, text, codePoint) => {
    for (const [more, path] of [
      [{ description: text }, 'description'],
      [
        { inputSchema: { type: 'object', properties: { a: { description: text } } } },
        'inputSchema.properties.a',
      ],
      [{ inputSchema: { type: 'object', properties: { [text]: {} } } }, 'a member of inputSchema.properties'],
    ] as const) {
      const [flag] = definitionFlags(tool(more))
      expect(flag).toMatchObject({ code })
      expect(flag?.detail).toContain(codePoint)
      expect(flag?.detail).toContain(path)
      expect(flag?.detail).toMatch(/^[\u0020-\u007E]*$/u)
    }
  })

  it('is a text that is too long, a definition that is too large, and never more than ten things', () => {
    expect(codesOf({ description: 'x'.repeat(8192) })).toEqual([])
    expect(codesOf({ description: 'x'.repeat(8193) })).toEqual(['long_text'])
    expect(codesOf({ _meta: { a: Array.from({ length: 9000 }, () => 'xxxxxxxx') } })).toEqual([
      'large_definition',
    ])
    expect(codesOf({ _meta: { a: Array.from({ length: 50 }, () => '\u200B') } })).toHaveLength(10)
  })

  it('is an x-mcp-header that clients drop the tool for, and a schema that they drop the list for', () => {
    expect(codesOf(withHeader({ type: 'string', 'x-mcp-header': 'Region' }))).toEqual([])
    expect(codesOf(withHeader({ type: 'object', 'x-mcp-header': 'Region' }))).toEqual([
      'invalid_parameter_header',
    ])
    expect(codesOf(withHeader({ type: 'string', 'x-mcp-header': 'a b' }))).toEqual([
      'invalid_parameter_header',
    ])
    for (const inputSchema of [null, [], 'object', { type: 'string' }])
      expect(codesOf({ inputSchema })).toEqual(['malformed_member'])
    expect(codesOf({ description: 7, annotations: [] })).toEqual(['malformed_member', 'malformed_member'])
  })

  it('text that is made visible hides nothing any more, and plain text stays as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        expect(hiddenCharactersIn(visibleText(text.replaceAll(/\u{1F3F4}/gu, '')))).toEqual([])
      }),
    )
    expect(visibleText('a plain text\n')).toBe('a plain text\n')
  })
})

describe('names that are taken for each other (S47, S50)', () => {
  it.each([
    ['read_file', 'readFile'],
    ['read_file', 'READ-FILE'],
    ['read_file', 'reаd_file'],
    ['github', 'gıthub'],
    ['login', '1ogin'],
    ['modern', 'rnodern'],
    ['paypal', 'ｐａｙｐａｌ'],
    ['resume', 'résumé'],
    ['send', 'se\u200Bnd'],
  ])('%j and %j', (one, other) => {
    expect(lookAlikeKey(one)).toBeDefined()
    expect(lookAlikeKey(other)).toBe(lookAlikeKey(one))
  })

  it.each([
    ['read_file', 'read_files'],
    ['get', 'set'],
    ['list_a', 'list_b'],
  ])('but not %j and %j', (one, other) => {
    expect(lookAlikeKey(other)).not.toBe(lookAlikeKey(one))
  })

  it('a name of nothing to see, or of more than names have, is compared with none', () => {
    for (const name of ['', '___', '\u200B', 'x'.repeat(129)]) expect(lookAlikeKey(name)).toBeUndefined()
  })
})
