import { setImmediate as turn } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { withOwnMessages } from '../src/control/own-messages.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)

/** Says that it is open, and nothing more. */
async function* silent(): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes(': open\n\n')
  await new Promise(() => {})
}

/** A stream that says what it is told, with messages of our own between, and what came of it so far. */
const open = () => {
  const waiting: PromiseWithResolvers<IteratorResult<Uint8Array>>[] = []
  const state = { isEnded: false, isReturned: false }
  let push: ((message: Uint8Array) => void) | undefined
  const source: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        const asked = Promise.withResolvers<IteratorResult<Uint8Array>>()
        waiting.push(asked)
        return asked.promise
      },
      return: async () => {
        state.isReturned = true
        return { done: true, value: undefined }
      },
    }),
  }
  const chunks = withOwnMessages(source, (take) => {
    push = take
    return () => void (state.isEnded = true)
  })
  const heard: string[] = []
  const reading = (async () => {
    for await (const chunk of chunks) heard.push(Buffer.from(chunk).toString())
  })()
  return {
    heard,
    reading,
    state,
    chunks,
    asked: () => waiting.length,
    say: (text: string) => waiting.shift()?.resolve({ done: false, value: bytes(text) }),
    end: () => waiting.shift()?.resolve({ done: true, value: undefined }),
    fail: () => waiting.shift()?.reject(new Error('broken')),
    own: (text: string) => push?.(bytes(text)),
  }
}

const ownEvent = (text: string): string => `event: message\ndata: ${text}\n\n`

test('messages of our own come at once, between those of the stream, and nothing of it is lost', async () => {
  const { asked, end, heard, own, reading, say, state } = open()
  await turn()
  own('{"a":1}')
  await turn()
  expect(heard).toEqual([ownEvent('{"a":1}')])
  say(': one\n\n')
  await turn()
  own('{"b":2}')
  say(': two\n\n')
  await turn()
  expect(heard.toSorted()).toEqual(
    [ownEvent('{"a":1}'), ownEvent('{"b":2}'), ': one\n\n', ': two\n\n'].toSorted(),
  )
  expect(heard.indexOf(': one\n\n')).toBeLessThan(heard.indexOf(': two\n\n'))
  // One chunk is asked for at a time: a reader that waits holds the stream back.
  expect(asked()).toBe(1)
  end()
  await reading
  expect(state).toEqual({ isEnded: true, isReturned: true })
})

test('the failure of the stream is that of the whole, and ends what is told', async () => {
  const { fail, reading, state } = open()
  await turn()
  fail()
  await expect(reading).rejects.toThrow('broken')
  expect(state.isEnded).toBe(true)
})

test('what nobody reads is bounded', async () => {
  let push: ((message: Uint8Array) => void) | undefined
  const chunks = withOwnMessages(silent(), (take) => {
    push = take
    return () => {}
  })
  await chunks.next()
  for (let index = 0; index < 1000; index += 1) push?.(bytes(String(index)))
  let count = 0
  const last = async (): Promise<void> => {
    for await (const _ of chunks) count += 1
  }
  void last()
  await turn()
  await turn()
  expect(count).toBe(16)
})
