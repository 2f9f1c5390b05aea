/** One fault, put into the source on purpose: the properties must notice it. */
export interface Mutant {
  /** What is wrong with it. */
  readonly fault: string
  /** The file below `src`. */
  readonly file: string
  /** Found exactly once in the file. */
  readonly find: string
  readonly replace: string
}

/** The permanent list. Nearly each is a fault that some breaker really had, or one that a change could bring back. */
export const mutants: readonly Mutant[] = [
  // Generations
  {
    fault: 'late results are heard: no generation fence',
    file: 'automaton.ts',
    find: 'if (permit.generation !== this.#generation) return this.#settleLate(outcome)',
    replace: '',
  },
  {
    fault: 'a transition starts no new generation',
    file: 'automaton.ts',
    find: 'this.#generation++',
    replace: 'this.#generation += 0',
  },
  {
    fault: 'settling twice counts twice',
    file: 'permit.ts',
    find: 'this.#owner = undefined',
    replace: 'this.#owner = owner',
  },
  {
    fault: 'a permit of a shadow run moves the circuit',
    file: 'automaton.ts',
    find: 'if (permit.generation === UNTRACKED) return this.#ledger.settle(outcome)',
    replace: '',
  },
  // Windows
  {
    fault: 'the window outlives a transition',
    file: 'automaton.ts',
    find: 'this.#window = window\n',
    replace: 'this.#window = window ?? this.#window\n',
  },
  {
    fault: 'a success does not break a row of failures',
    file: 'trip/consecutive.ts',
    find: 'failed ? this.#streak + 1 : 0',
    replace: 'failed ? this.#streak + 1 : this.#streak',
  },
  {
    fault: 'a row must be one longer than asked',
    file: 'trip/consecutive.ts',
    find: 'return this.#streak >= this.#failures',
    replace: 'return this.#streak > this.#failures',
  },
  {
    fault: 'an idle time window loses one bucket only',
    file: 'trip/time-window.ts',
    find: 'for (let turn = 0; turn < turns; turn++)',
    replace: 'for (let turn = 0; turn < Math.min(turns, 1); turn++)',
  },
  {
    fault: 'a time window turns one step late',
    file: 'trip/time-window.ts',
    find: 'Math.floor((now - this.#headSince) / this.#bucketMs)',
    replace: 'Math.ceil((now - this.#headSince) / this.#bucketMs - 1)',
  },
  {
    fault: 'a rate must be exceeded instead of reached',
    file: 'trip/rates.ts',
    find: 'failures / calls >= this.failureRate',
    replace: 'failures / calls > this.failureRate',
  },
  {
    fault: 'a rate of slow calls must be exceeded instead of reached',
    file: 'trip/rates.ts',
    find: 'slow / calls >= this.slowRate',
    replace: 'slow / calls > this.slowRate',
  },
  {
    fault: 'the minimum of calls is one more than asked',
    file: 'trip/rates.ts',
    find: 'calls >= this.minCalls &&',
    replace: 'calls > this.minCalls &&',
  },
  {
    fault: 'a number of failures is held to the minimum of calls',
    file: 'trip/rates.ts',
    find: 'if (failures >= this.failures) return true',
    replace: 'if (failures >= this.failures && calls >= this.minCalls) return true',
  },
  {
    fault: 'verdicts pushed out of a count window stay in its totals',
    file: 'trip/count-window.ts',
    find: 'if (this.calls === this.#size) this.#add(this.#verdictAt(at), -1)',
    replace: 'if (this.calls === this.#size) this.calls--',
  },
  {
    fault: 'a count window overwrites its neighbours',
    file: 'trip/count-window.ts',
    find: '& ~(3 << shift)',
    replace: '& ~(7 << shift)',
  },
  {
    fault: 'a saved count window comes back in another order',
    file: 'trip/count-window.ts',
    find: 'this.#next - this.calls + age + this.#size',
    replace: 'this.#next - 1 - age + this.#size',
  },
  {
    fault: 'the second rule goes deaf once the first has had enough',
    file: 'trip/any-of.ts',
    find: 'if (window.record(failed, slow, now)) tripped = true',
    replace: 'if (window.record(failed, slow, now)) return true',
  },
  {
    fault: 'only the first rule can see calls that hang',
    file: 'trip/any-of.ts',
    find: 'for (const window of this.#windows) window.leave?.(startedAt, now)',
    replace: 'this.#windows[0]?.leave?.(startedAt, now)',
  },
  {
    fault: 'calls that hang are seen a step early',
    file: 'trip/overdue.ts',
    find: '(step + BUCKETS) * this.#stepMs',
    replace: '(step + STEPS) * this.#stepMs',
  },
  {
    fault: 'a call that hung and came back still counts as hanging',
    file: 'trip/overdue.ts',
    find: 'if (this.#head - step > STEPS) this.#overdue += by',
    replace: 'if (this.#head - step > STEPS) this.#overdue += Math.max(by, 0)',
  },
  {
    fault: 'a call as slow as the limit is slow already',
    file: 'automaton.ts',
    find: 'at - permit.startedAt > policy.slowMs',
    replace: 'at - permit.startedAt >= policy.slowMs',
  },
  {
    fault: 'refused calls are outcomes',
    file: 'ledger.ts',
    find: 'this.#rarely.rejected[reason]++',
    replace: 'this.#rarely.rejected[reason]++, this.#failures++',
  },
  // Half-open
  {
    fault: 'half-open admits without limit',
    file: 'half-open.ts',
    find: 'return this.probes.length < Math.min(concurrency, successes - this.passed)',
    replace: 'return successes > 0 && concurrency > 0',
  },
  {
    fault: 'half-open admits more probes than are still needed',
    file: 'half-open.ts',
    find: 'Math.min(concurrency, successes - this.passed)',
    replace: 'Math.min(concurrency, successes)',
  },
  {
    fault: 'a settled probe keeps its place',
    file: 'automaton.ts',
    find: 'halfOpen.probes = halfOpen.probes.filter((each) => each !== probe)',
    replace: '',
  },
  {
    fault: 'an ignored probe is a success',
    file: 'automaton.ts',
    find: "if (outcome === 'ignored') return\n    if (outcome === 'success' && ",
    replace: "if (outcome !== 'failure' && ",
  },
  {
    fault: 'a probe that hangs is waited for',
    file: 'half-open.ts',
    find: 'return (this.probes[0]?.startedAt ?? Infinity) + probeTimeoutMs',
    replace: 'return probeTimeoutMs > 0 ? Infinity : 0',
  },
  {
    fault: 'the time limit of a probe begins with the newest',
    file: 'half-open.ts',
    find: 'this.probes[0]?.startedAt',
    replace: 'this.probes.at(-1)?.startedAt',
  },
  {
    fault: 'one success more than asked is needed to close',
    file: 'automaton.ts',
    find: '++halfOpen.passed >= successes',
    replace: '++halfOpen.passed > successes',
  },
  {
    fault: 'one failed probe less than allowed is forgiven',
    file: 'automaton.ts',
    find: '++halfOpen.failed > tolerate',
    replace: '++halfOpen.failed >= tolerate',
  },
  {
    fault: 'a slow probe closes a circuit that slow calls opened',
    file: 'automaton.ts',
    find: "if (outcome === 'success' && !(slow && trip.countsSlowCalls)) {",
    replace: "if (outcome === 'success') {",
  },
  // Time
  {
    fault: 'the open period ends a moment late',
    file: 'automaton.ts',
    find: 'if (at === undefined || now < at) return',
    replace: 'if (at === undefined || now <= at) return',
  },
  {
    fault: 'a reading ends the open period a moment late',
    file: 'automaton.ts',
    find: "return now < until ? 'open' : 'half-open'",
    replace: "return now <= until ? 'open' : 'half-open'",
  },
  {
    fault: 'a clock that goes back makes the open period longer',
    file: 'automaton.ts',
    find: "if (this.#phase === 'open') this.#since = Math.min(this.#since, now)",
    replace: '',
  },
  {
    fault: 'a clock that goes back makes a probe last longer',
    file: 'automaton.ts',
    find: 'this.#halfOpen?.rebase(now)',
    replace: '',
  },
  {
    fault: 'the open period begins when it is noticed, not when it was due',
    file: 'automaton.ts',
    find: "else this.#open(at, this.#halfOpen ? 'probe-timeout' : 'overdue')",
    replace: "else this.#open(now, this.#halfOpen ? 'probe-timeout' : 'overdue')",
  },
  {
    fault: 'a reading moves the circuit',
    file: 'automaton.ts',
    find: 'const until = this.#openUntil(now)\n',
    replace: 'this.#advance(now)\n    const until = this.#openUntil(now)\n',
  },
  // Backoff
  {
    fault: 'the backoff never recovers',
    file: 'automaton.ts',
    find: 'return Math.max(0, this.#openings - Math.max(0, periods))',
    replace: 'return this.#openings + 0 * periods',
  },
  {
    fault: 'the backoff is forgotten on closing',
    file: 'automaton.ts',
    find: "if (this.policy.recovery === 'reset') this.#openings = 0",
    replace: 'this.#openings = 0',
  },
  {
    fault: 'the backoff skips its first period',
    file: 'backoff.ts',
    find: 'factor ** (opening - 1)',
    replace: 'factor ** opening',
  },
  {
    fault: 'jitter only ever adds',
    file: 'backoff.ts',
    find: '(1 + jitter * (2 * random - 1))',
    replace: '(1 + jitter * 2 * random)',
  },
  {
    fault: 'the cap is not kept',
    file: 'backoff.ts',
    find: 'Math.min(maxMs, initialMs * factor ** (opening - 1))',
    replace: 'initialMs * factor ** (opening - 1)',
  },
  // Overlays
  {
    fault: 'isolation is ended by the first handle',
    file: 'automaton.ts',
    find: 'this.#isolations += by',
    replace: 'this.#isolations = by === 1 ? 1 : 0',
  },
  {
    fault: 'a handle ends isolation once more when disposed of again',
    file: 'automaton.ts',
    find: 'held = false\n',
    replace: '\n',
  },
  {
    fault: 'observing refuses',
    file: 'automaton.ts',
    find: "return this.#mode === 'observe' && refusal !== 'isolated' ? this.#admit(UNTRACKED) : null",
    replace: 'return null',
  },
  {
    fault: 'a circuit that was forced closed opens all the same',
    file: 'automaton.ts',
    find: "if (this.#mode === 'off') return this.#admit(UNTRACKED)",
    replace: '',
  },
  {
    fault: 'tripping by hand cuts an open period short',
    file: 'automaton.ts',
    find: 'openMs !== undefined && now + openMs > this.#since + this.#openForMs',
    replace: 'openMs !== undefined',
  },
  {
    fault: 'resetting keeps the backoff',
    file: 'automaton.ts',
    find: "this.#openings = 0\n    this.#close(now, 'manual')",
    replace: "this.#close(now, 'manual')",
  },
  // Events
  {
    fault: 'a transition to the same phase is told',
    file: 'automaton.ts',
    find: 'if (from === to) return\n',
    replace: '\n',
  },
  {
    fault: 'events caused by a listener overtake the event it hears',
    file: 'emitter.ts',
    find: 'if (this.#queue.push({ event, fail }) > 1) return',
    replace: 'this.#queue.unshift({ event, fail })',
  },
  {
    fault: 'a listener that throws breaks the call',
    file: 'emitter.ts',
    find: '  } catch (error) {\n    fail(error)\n  }',
    replace: '  } catch (error) {\n    fail(error)\n    throw error\n  }',
  },
  // Saving and sharing
  {
    fault: 'what was saved as open begins its open period anew',
    file: 'automaton.ts',
    find: 'Math.max(0, openRemainingMs - elapsed)',
    replace: 'openRemainingMs',
  },
  {
    fault: 'the probes that had passed are forgotten',
    file: 'automaton.ts',
    find: 'new HalfOpen(snapshot.passed, snapshot.failed)',
    replace: 'new HalfOpen(0, snapshot.failed)',
  },
  {
    fault: 'a saved window is thrown away',
    file: 'automaton.ts',
    find: 'window: this.#window?.save(now) ?? null,',
    replace: 'window: null,',
  },
  {
    fault: 'an older record wins',
    file: 'transition-record.ts',
    find: 'next.epoch > current.epoch',
    replace: 'next.epoch < current.epoch',
  },
  {
    fault: 'equal epochs go by who was last',
    file: 'transition-record.ts',
    find: 'return next.origin > current.origin',
    replace: 'return next.origin !== current.origin',
  },
  {
    fault: 'what others said is told again',
    file: 'automaton.ts',
    find: "if (this.#phase !== 'closed') this.#close(now, 'remote')",
    replace:
      "if (this.#phase !== 'closed') this.#enter('closed', now, 'remote', { record: this.#publish('closed') })",
  },
  {
    fault: 'hearsay opens what works here',
    file: 'circuit-breaker.ts',
    find: 'this.#automaton.suspect(ownRecord(remote))',
    replace: 'this.#automaton.adopt(ownRecord(remote))',
  },
  {
    fault: 'hearsay is believed for ever',
    file: 'automaton.ts',
    find: 'failed && this.#suspicion && at < this.#suspicion.until',
    replace: 'failed && this.#suspicion',
  },
  {
    fault: 'one process is a quorum',
    file: 'circuit-sync.ts',
    find: 'if (this.#until.size + ownWord >= quorum) breaker.adopt(record)',
    replace: 'if (this.#until.size + 1 >= quorum) breaker.adopt(record)',
  },
  // The wrapping form
  {
    fault: 'the listener on the signal stays',
    file: 'execution.ts',
    find: "signal?.removeEventListener('abort', onAbort)",
    replace: '',
  },
  {
    fault: 'a call that was aborted beforehand is made',
    file: 'circuit-breaker.ts',
    find: 'signal?.throwIfAborted()',
    replace: '',
  },
  {
    fault: 'work that rejects with nothing is a success',
    file: 'execution.ts',
    find: "error ?? new Error('the call threw no error object')",
    replace: 'error',
  },
  {
    fault: 'the fallback answers a caller who has left',
    file: 'circuit-breaker.ts',
    find: 'if (signal?.aborted && reason === signal.reason) throw reason',
    replace: '',
  },
  // The registry
  {
    fault: 'open circuits are evicted',
    file: 'registry.ts',
    find: 'if (evict) this.#drop(entry)\n    return evict',
    replace: 'this.#drop(entry)\n    return evict',
  },
  {
    fault: 'the most recently used goes first',
    file: 'recency-list.ts',
    find: 'if (link === this.#newest) return\n',
    replace: 'return\n',
  },
  {
    fault: 'a dropped key stays in the list of use',
    file: 'registry.ts',
    find: 'this.#recency.remove(entry)',
    replace: '',
  },
  {
    fault: 'asking makes a breaker',
    file: 'registry.ts',
    find: 'return this.#entries.get(key)?.breaker',
    replace: 'return this.get(key)',
  },
  {
    fault: 'a full registry grows',
    file: 'registry.ts',
    find: 'this.#entries.size >= this.#max',
    replace: 'this.#entries.size > this.#max',
  },
]
