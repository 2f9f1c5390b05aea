import { setTimeout as sleep } from 'node:timers/promises'

import { waitUntil } from '@mreg/testing'
import { describe, expect, it } from 'vitest'

import type { Cache, Notice } from '../../src/index.ts'
import type { OpenCache } from './open-cache.ts'

const collect = async (
  cache: Cache,
  channel: string,
): Promise<{ readonly notices: Notice[]; readonly end: () => Promise<void> }> => {
  const notices: Notice[] = []
  const subscription = await cache.subscribe(channel, (notice) => notices.push(notice))
  return { notices, end: async () => subscription[Symbol.asyncDispose]() }
}

export const describeBus = (open: OpenCache): void => {
  describe('subscribers', () => {
    it('are told what is published on their channel, in order, and nothing after they have ended', async () => {
      await using opened = await open()
      const { cache } = opened
      const news = await collect(cache, 'news')
      const other = await collect(cache, 'other')
      for (const message of ['one', '', 'drei ä\0\r\n'])
        expect(await cache.publish('news', message)).toBe(true)
      await cache.publish('other', 'two')
      await waitUntil('the messages', () => news.notices.length === 3 && other.notices.length === 1)
      await news.end()
      await news.end()
      await cache.publish('news', 'late')
      await cache.publish('other', 'last')
      await waitUntil('the last message', () => other.notices.length === 2)
      await sleep(10)
      expect(news.notices).toEqual([
        { message: 'one', missed: false },
        { message: '', missed: false },
        { message: 'drei ä\0\r\n', missed: false },
      ])
      expect(other.notices.map(({ message }) => message)).toEqual(['two', 'last'])
    })

    it('of one channel are each told once, also when one of them throws or goes', async () => {
      await using opened = await open()
      const { cache } = opened
      const broken = new Error('the handler is broken')
      await cache.subscribe('news', () => {
        throw broken
      })
      const [first, second] = await Promise.all([collect(cache, 'news'), collect(cache, 'news')])
      await cache.publish('news', 'one')
      await waitUntil('both', () => first.notices.length + second.notices.length === 2)
      await first.end()
      await cache.publish('news', 'two')
      await waitUntil('the second message', () => second.notices.length === 2)
      expect(first.notices).toHaveLength(1)
      expect(opened.background).toEqual([1, 2].map(() => ({ error: broken, source: 'handler' })))
    })

    it('may come back to a channel that everybody had left', async () => {
      await using opened = await open()
      const { cache } = opened
      for (let round = 0; round < 3; round += 1) {
        const news = await collect(cache, 'news')
        await cache.publish('news', 'one')
        await waitUntil('the message', () => news.notices.length > 0)
        await news.end()
        expect(news.notices).toEqual([{ message: 'one', missed: false }])
      }
    })

    it('may be nobody', async () => {
      await using opened = await open()
      expect(await opened.cache.publish('nobody', 'hears it')).toBe(true)
    })
  })
}
