import { readFileSync, readdirSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import * as library from '../src/index.ts'

const source = new URL('../src/', import.meta.url)
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
)
const textOf = (file: string): string => readFileSync(new URL(file, source), 'utf8')

describe('the public interface', () => {
  it('is exactly this', () => {
    expect(Object.keys(library).toSorted()).toEqual([
      'LoadBalancer',
      'consistentHash',
      'leastConnections',
      'peakEwma',
      'random',
      'roundRobin',
      'weighted',
    ])
  })

  it('rests on nothing: no package, no module of Node, and nothing that a browser has not', () => {
    expect(files.length).toBeGreaterThan(15)
    for (const file of files) {
      const text = textOf(file)
      const imports = [...text.matchAll(/^(?:import|export|\}) .*from '([^']+)'/gm)].map(([, from]) => from)
      expect(imports.filter((from) => !from?.startsWith('.'))).toEqual([])
      expect(text).not.toMatch(
        /\b(?:process|Buffer|require|setTimeout|setInterval|setImmediate|global)\b[.(]/u,
      )
    }
  })

  it('has strategies that are named, and safe to share', () => {
    const {
      LoadBalancer: Balancer,
      consistentHash,
      peakEwma,
      leastConnections,
      random,
      roundRobin,
      weighted,
    } = library
    const all = [consistentHash(), peakEwma(), leastConnections(), random(), roundRobin(), weighted()]
    expect(all.map(({ name }) => name)).toEqual([
      'consistent-hash',
      'peak-ewma',
      'least-connections',
      'random',
      'round-robin',
      'weighted',
    ])
    for (const strategy of all) {
      const [one, two] = [1, 2].map(() => new Balancer<string>({ strategy, random: () => 0 }))
      for (const balancer of [one, two]) balancer?.update(['a', 'b'].map((id) => ({ id, target: id })))
      for (let call = 0; call < 7; call += 1) one?.acquire(undefined, { key: 'k' })
      expect(two?.stats().map(({ inFlight }) => inFlight)).toEqual([0, 0])
    }
  })
})
