import { EventBus } from '@mreg/core'
import { expect, test } from 'vitest'

interface Events {
  readonly happened: { readonly what: string }
}

test('listeners get what happened, in the order in which they came', () => {
  const bus = new EventBus<Events>()
  const seen: string[] = []
  bus.on('happened', ({ what }) => seen.push(`first ${what}`))
  bus.on('happened', ({ what }) => seen.push(`second ${what}`))
  bus.emit('happened', { what: 'x' })
  expect(seen).toEqual(['first x', 'second x'])
})

test('a listener that throws reaches neither the emitter nor the others', () => {
  const errors: unknown[] = []
  const bus = new EventBus<Events>({ onListenerError: (error) => errors.push(error) })
  const seen: string[] = []
  const failure = new Error('listener')
  bus.on('happened', () => {
    throw failure
  })
  bus.on('happened', ({ what }) => seen.push(what))
  bus.emit('happened', { what: 'x' })
  expect(seen).toEqual(['x'])
  expect(errors).toEqual([failure])
})

test('a subscription ends once and for all, also from inside a listener', () => {
  const bus = new EventBus<Events>()
  const seen: string[] = []
  const stop = bus.on('happened', ({ what }) => {
    seen.push(what)
    stop()
    stop()
  })
  bus.on('happened', ({ what }) => seen.push(`other ${what}`))
  bus.emit('happened', { what: '1' })
  bus.emit('happened', { what: '2' })
  expect(seen).toEqual(['1', 'other 1', 'other 2'])
})
