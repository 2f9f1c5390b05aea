import { expect, test } from 'vitest'

import { CommandFailure } from '../src/command-failure.ts'
import { EXIT_CODE } from '../src/exit-code.ts'
import { toolArguments } from '../src/mcp/tool-arguments.ts'

const schema = {
  properties: {
    text: { type: 'string' },
    count: { type: 'integer' },
    ratio: { type: 'number' },
    deep: { type: 'boolean' },
    tags: { type: 'array' },
    filter: { type: 'object' },
    either: { anyOf: [{ type: 'number' }, { type: 'null' }] },
    free: {},
  },
}

test('words are read as the tool wants them', () => {
  expect(
    toolArguments(
      [
        'text=12',
        'count=3',
        'ratio=0.5',
        'deep=true',
        'tags=["a"]',
        'filter={"a":1}',
        'either=null',
        'free=7',
        'new=x=y',
      ],
      schema,
    ),
  ).toEqual({
    text: '12',
    count: 3,
    ratio: 0.5,
    deep: true,
    tags: ['a'],
    filter: { a: 1 },
    either: null,
    free: '7',
    new: 'x=y',
  })
})

test.each(['count=1.5', 'count=x', 'deep=yes', 'tags=a,b', 'filter=[]', 'text', '=x'])(
  '%s is a mistake of usage that says what is wanted',
  (word) => {
    expect(() => toolArguments([word], schema)).toThrow(
      expect.toSatisfy((error: unknown) => CommandFailure.is(error) && error.exitCode === EXIT_CODE.usage),
    )
  },
)
