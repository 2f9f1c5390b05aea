import { KeyRing } from '@mreg/access'
import { createMemoryCache } from '@mreg/cache'
import { expect, test } from 'vitest'

import { ProcessLine, type ProcessLineOptions } from '../src/index.ts'
import { MAX_LETTER_BYTES } from '../src/processes/process-line.ts'

const sealer = new KeyRing(['the key of both']).sealer('process-line')
const letter = (text: string) => ({ head: { about: 'something' }, bytes: Buffer.from(text) })

/** A bus on which everything can be read, and said again. */
const openBus = () => {
  const cache = createMemoryCache()
  const said: { channel: string; message: string }[] = []
  const publish: ProcessLineOptions['cache']['publish'] = (channel, message) => {
    said.push({ channel, message })
    return cache.publish(channel, message)
  }
  return {
    cache: {
      publish,
      subscribe: cache.subscribe.bind(cache),
      get: cache.get.bind(cache),
      set: cache.set.bind(cache),
    },
    said,
    [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
  }
}

test('a letter to another process is acknowledged with one word', async () => {
  await using bus = openBus()
  await using one = new ProcessLine({ ...bus, sealer })
  await using two = new ProcessLine({ ...bus, sealer })
  two.on('greeting', ({ head, bytes }) => `${String(head['about'])}: ${Buffer.from(bytes).toString()}`)
  expect(await one.send(two.id, 'greeting', letter('ä\nb'))).toBe('something: ä\nb')
  // What is on the bus says nothing to whoever reads it.
  expect(bus.said).toHaveLength(2)
  for (const { message } of bus.said)
    for (const word of ['something', 'greeting', one.id, two.id])
      expect(Buffer.from(message, 'base64').toString('latin1')).not.toContain(word)
})

test('a letter that nobody takes is not acknowledged', async () => {
  await using bus = openBus()
  await using one = new ProcessLine({ ...bus, sealer, acknowledgeMs: 20 })
  await using two = new ProcessLine({ ...bus, sealer })
  two.on('known', () => 'taken')
  two.on('not understood', () => undefined)
  expect(await one.send(two.id, 'unknown', letter(''))).toBeUndefined()
  expect(await one.send(two.id, 'not understood', letter(''))).toBeUndefined()
  expect(await one.send('nobody', 'known', letter(''))).toBeUndefined()
  const tooLong = { head: {}, bytes: new Uint8Array(MAX_LETTER_BYTES + 1) }
  expect(await one.send(two.id, 'known', tooLong)).toBeUndefined()
  await using stranger = new ProcessLine({
    ...bus,
    sealer: new KeyRing(['another key']).sealer('process-line'),
    acknowledgeMs: 20,
  })
  expect(await stranger.send(two.id, 'known', letter(''))).toBeUndefined()
})

test('what others put on the bus is dropped', async () => {
  await using bus = openBus()
  await using one = new ProcessLine({ ...bus, sealer })
  await using two = new ProcessLine({ ...bus, sealer })
  await using three = new ProcessLine({ ...bus, sealer })
  const taken: string[] = []
  two.on('known', () => {
    taken.push('two')
    return 'taken'
  })
  three.on('known', () => {
    taken.push('three')
    return 'taken'
  })
  expect(await one.send(two.id, 'known', letter(''))).toBe('taken')
  const [sent] = bus.said
  const toThree = `process ${three.id}`
  for (const message of ['', 'nonsense', sent?.message ?? '', 'x'.repeat(10_000_000)])
    await bus.cache.publish(toThree, message)
  expect(await one.send(three.id, 'known', letter(''))).toBe('taken')
  expect(taken).toEqual(['two', 'three'])
})

test('a note is found by whoever comes after, and says nothing to anybody else', async () => {
  await using bus = openBus()
  {
    await using one = new ProcessLine({ ...bus, sealer })
    await one.leaveNote('of a session', Buffer.from('what was known'), 60_000)
    await one.leaveNote('too long', new Uint8Array(1_000_000), 60_000)
    await one.leaveNote('over', Buffer.from('what was known'), 0)
  }
  await using two = new ProcessLine({ ...bus, sealer })
  expect(Buffer.from((await two.readNote('of a session')) ?? []).toString()).toBe('what was known')
  for (const name of ['too long', 'over', 'unknown']) expect(await two.readNote(name)).toBeUndefined()
  await using stranger = new ProcessLine({
    ...bus,
    sealer: new KeyRing(['another key']).sealer('process-line'),
  })
  expect(await stranger.readNote('of a session')).toBeUndefined()
})
