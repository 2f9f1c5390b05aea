/** How far a call has come when something happens to it. */
export const PHASES = [
  'before connect',
  'after connect',
  'request sent',
  'head received',
  'in the middle of the stream',
  'after the response',
] as const
export type Phase = (typeof PHASES)[number]

/** What happens to it. */
export const EVENTS = [
  'reset',
  'stall',
  'close',
  'garbage',
  'malformed JSON-RPC',
  'wrong id',
  'double response',
  '500',
  'client gone',
] as const
export type FaultEvent = (typeof EVENTS)[number]

/** What the client gets: exactly one of these, or nothing because it has gone. */
export type Outcome = 'result' | 'error' | 'nothing'

/** Without a connection nobody can say anything, and a port that nobody listens on can only refuse. */
const WITHOUT_CONNECTION: ReadonlySet<FaultEvent> = new Set(['reset', 'client gone'])

/** The cells that can be: a server that has not read the request cannot know its id, so it cannot answer it twice. */
const isPossible = (phase: Phase, event: FaultEvent): boolean => {
  if (phase === 'before connect') return WITHOUT_CONNECTION.has(event)
  return phase !== 'after connect' || event !== 'double response'
}

/** What each cell is to end with. */
const outcomeOf = (phase: Phase, event: FaultEvent): Outcome => {
  if (phase === 'after the response') return 'result'
  if (event === 'client gone') return 'nothing'
  // The first of two is the answer, except where both are one body, which then is no JSON.
  return event === 'double response' && phase !== 'head received' ? 'result' : 'error'
}

export const CELLS = PHASES.flatMap((phase) =>
  EVENTS.filter((event) => isPossible(phase, event)).map(
    (event) => [phase, event, outcomeOf(phase, event)] as const,
  ),
)

/** How often the server executes the call: never where it has not read it. */
export const executionsOf = (phase: Phase, event: FaultEvent): readonly number[] => {
  const isUnread = phase === 'before connect' || phase === 'after connect'
  // A call whose client has gone before it was sent may be given up, or go on, as its era says.
  if (isUnread && event === 'client gone') return [0, 1]
  return [isUnread ? 0 : 1]
}
