import { describe, expect, test } from 'vitest'

import { checkParamHeaders, mirroredArguments } from '../src/index.ts'

const marked = (header: unknown, type: unknown = 'string') => ({ type, 'x-mcp-header': header })
const objectOf = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more })

describe('The arguments that a tool wants repeated', () => {
  test('are found at any depth of properties', () => {
    const schema = objectOf({
      region: marked('Region'),
      count: marked('Count', 'integer'),
      nested: objectOf({ 'x-mcp-header': marked('Deep', 'boolean'), plain: { type: 'number' } }),
    })
    expect(mirroredArguments(schema)).toEqual([
      { path: ['region'], header: 'Region' },
      { path: ['count'], header: 'Count' },
      { path: ['nested', 'x-mcp-header'], header: 'Deep' },
    ])
  })

  test.each([undefined, null, true, 1, 'text', [], {}, objectOf({ plain: { type: 'string' } })])(
    'are none in %j',
    (schema) => {
      expect(mirroredArguments(schema)).toEqual([])
    },
  )

  test('are not looked for in what is no schema', () => {
    const value = { 'x-mcp-header': 1 }
    expect(
      mirroredArguments(objectOf({ a: { type: 'object', default: value, const: value, enum: [value] } })),
    ).toEqual([])
  })

  test.each([
    ['that is empty', objectOf({ a: marked('') })],
    ['that is no text', objectOf({ a: marked(1) })],
    ['with a blank', objectOf({ a: marked('a b') })],
    ['with a line end', objectOf({ a: marked('a\r\nb') })],
    ['that is no ASCII', objectOf({ a: marked('é') })],
    ['there twice but for its case', objectOf({ a: marked('Region'), b: objectOf({ c: marked('REGION') }) })],
    ['on a number', objectOf({ a: marked('A', 'number') })],
    ['on an object', objectOf({ a: marked('A', 'object') })],
    ['on several types', objectOf({ a: marked('A', ['string', 'null']) })],
    ['on nothing in particular', objectOf({ a: { 'x-mcp-header': 'A' } })],
    ['on the whole', { ...objectOf({}), 'x-mcp-header': 'A' }],
    ['in items', objectOf({ a: { type: 'array', items: marked('A') } })],
    ['in a choice', objectOf({ a: { oneOf: [marked('A')] } })],
    ['in a condition', objectOf({}, { if: objectOf({ a: marked('A') }) })],
    ['in definitions', objectOf({}, { $defs: { a: marked('A') } })],
    ['in additional properties', objectOf({}, { additionalProperties: marked('A') })],
    ['in properties by pattern', objectOf({}, { patternProperties: { '^a': marked('A') } })],
  ])('S31 cannot be told from a mark %s', (_, schema) => {
    expect(mirroredArguments(schema)).toBeUndefined()
  })

  test('S42 cannot be told from schemas that are too deep', () => {
    let schema: object = marked('A')
    for (let depth = 0; depth < 10_000; depth += 1) schema = objectOf({ a: schema })
    expect(mirroredArguments(schema)).toBeUndefined()
  })
})

describe('A call', () => {
  const region = { path: ['where', 'region'], header: 'Region' }
  const check = (value: unknown, header?: string): number | undefined =>
    checkParamHeaders([region], { where: { region: value } }, (name) =>
      name === 'mcp-param-region' ? header : undefined,
    )?.code

  test.each([
    ['bern', 'bern'],
    ['zürich', '=?base64?esO8cmljaA==?='],
    [42, '42.0'],
    [true, 'true'],
    [null, undefined],
    [undefined, undefined],
    // For the tool itself to refuse.
    [1.5, undefined],
    [1.5, '1.5'],
  ])('with the argument %j and the header %j is as it should be', (value, header) => {
    expect(check(value, header)).toBeUndefined()
  })

  test.each([
    ['bern', undefined],
    ['bern', 'Bern'],
    ['bern', '=?base64?x?='],
    [42, '43'],
    [true, 'True'],
    [null, 'null'],
    [undefined, ''],
  ])('with the argument %j and the header %j is not', (value, header) => {
    expect(check(value, header)).toBe(-32_020)
  })

  test('says which header, and compared with what', () => {
    const { message = '' } = checkParamHeaders([region], {}, () => 'x') ?? {}
    expect(message).toContain('Mcp-Param-Region')
    expect(message).toContain('arguments.where.region')
  })
})
