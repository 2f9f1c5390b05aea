/** One thing that may go wrong or be tried, and what is promised then. */
export interface Row {
  /** F for a fault, S for an attack, G for a goal with a figure; tests begin with it. */
  readonly id: string
  readonly what: string
  readonly promise: string
}

const rows = (letter: string, table: string): readonly Row[] =>
  table
    .trim()
    .split('\n')
    .map((line, index) => {
      const [what = '', promise = ''] = line.split(' → ')
      return { id: `${letter}${index + 1}`, what, promise }
    })

/** What breaks by itself: servers, networks, databases, machines. */
export const FAULTS = rows(
  'F',
  `
A server refuses connections → an error at once; the circuit opens; lists come from what is known
A server takes no connection (no SYN is answered) → an error at the connect time-out
A name does not exist, or its name server fails → an error that says so, remembered for seconds
A name server never answers → an error at its time-out; other names are not held up
TLS fails: expired, self-signed, another name, a stalled handshake → an error that says so; nothing is sent, never in plain text
A server accepts and sends no head → an error at the header time-out; the connection is destroyed
An answer stalls in its middle → an error; nothing partial is delivered
An answer is cut short, or its chunks are wrong → an error; connection and session are not used again in that state
A stream is reset in its middle → its last event is an error with the id of the request; a call is not repeated
A server sends a byte at a time → the deadline ends it, and comments do not extend it
A stream never ends → it is bounded in time and bytes, and the server is told
An answer or event is too large → it is cut at the limit, without memory for it
A compressed bomb → it is refused unread or bounded
HTML where JSON is due → an error; the page is not passed on
Invalid JSON, invalid UTF-8, a byte order mark, deep nesting → an error
Answers with wrong, missing, repeated or huge ids → they reach nobody
A result and an error at once, or an unknown type of result → an error
A redirect → it is not followed
A kept connection is closed when it is used again → lists are asked for once more, calls are not
Bytes that nobody asked for on an idle connection → the connection is discarded
A server restarts and forgets its sessions → one new session, the call goes again, the client sees nothing
429 or 503 with Retry-After → it is heeded; 429 opens no circuit
One of several servers is dead → the list has all the others, and what the dead one had, marked
All servers are dead → what they had, marked; never an empty list
A server flaps → few changes are announced
A process: bad start, crash in a call, garbage, floods, deaf to signals, grandchildren → a typed error, restart with backoff, no orphan
A client never reads → the server is not read either; memory stays bounded
A client leaves in the middle of a call → newer protocol: the call is cancelled; older: it goes on
A client is half gone → it is found out, and its session count returns
Clients send slowly → they are cut off
Ten thousand idle streams → held, heard and counted
No file descriptors are left → new ones are refused, old ones served, the process lives
Sessions are abandoned → they retain next to nothing
PostgreSQL is away at start → the gateway serves from its snapshot; without one it waits
PostgreSQL restarts → calls do not notice; the API is back within seconds
PostgreSQL is frozen or black-holed → the API fails within its limits; the pool is good afterwards
PostgreSQL fails over → no acknowledged row is missing
The pool is exhausted → waits are bounded; calls do not notice
A query times out → its connection is not used again
Deadlock or serialization failure → the session is run again, a few times
Redis is away or restarts → each gateway counts by itself; calls do not notice
Redis is slow → commands time out; calls do not notice
Redis loses its data → sessions go on or are clearly gone; leases are taken anew
The disk is full, or nobody reads the log → requests go on; what is lost is counted
SIGTERM with calls under way → they are finished; the exit is in time
The holder of a lease is killed → another holds it within its time to live and a second
Workers race for a lease → one holder for each term
A holder is paused past its term → its late writes are refused
The clock jumps → leases, circuits and limits do not care
Memory runs short → new work is refused first; the process lives
The processor or the event loop is blocked → work is shed; health still answers
A gateway is lost with sessions on it → another goes on with them, or says clearly that it cannot
An invalid configuration is loaded → the old one stays, and the error says where
The keys of an identity provider: away, rotated, slow → known keys go on for a while; fetches are limited
The sink of audit records is away → they are spooled within bounds, losses are counted
Everybody comes back at once → the recovering server is not run over
`,
)

/** What somebody tries. */
export const ATTACKS = rows(
  'S',
  `
DNS rebinding: foreign, missing, repeated Host or Origin → 403, without effect
The same on older endpoints only → 403
A form or plain text from another site → 415
CORS reflected, wildcard with credentials, \`null\` → no permission
A request of another site on behalf of an administrator → refused
A route without authentication → every route, method and role is enumerated
An empty list of what is allowed → nothing is allowed
Identity from the path or a header → not believed
A header that bypasses, a default secret → stripped; no start with weak secrets
A token without signature, or with the wrong kind → 401
A token that names its own key → 401, and nothing is fetched
Another issuer, audience, time; unknown critical headers; a huge token; a token in the query → refused
Two tokens with one place in a cache → told apart by all of the token
The caller's token travels on → it never does
A token for another resource → 401
Consent skipped, state replayed, somebody else's login finished → refused
Keys guessed by time or enumerated → random lookup ids, comparison in constant time
Keys guessed by force → 429
Somebody else's ids, in every route and verb → as if absent, with row-level security behind it
Sessions guessed, fixed, replayed; a second stream → bound to their principal; 404 or 409
A request without a session → never another's session
An answer goes to another client → never
State of a call tampered with, replayed, swapped → refused
One tenant's cached answer for another → never
Addresses of the inside in every spelling → refused when registered, refused when connected
Addresses of the inside by name: rebinding, several addresses → checked when connected
Addresses of the inside by redirect → not followed
Addresses of the inside by metadata, keys, tokens, icons, references → the same guard
The address of a server from a header of the client → ignored
Paths and headers injected through arguments → encoded or refused
Line breaks and the like in names that become headers → encoded, or the tool is left out
A header says one thing, the body another → 400
Request smuggling, two Hosts, absolute form → 400
Hop-by-hop headers and headers of servers that are not theirs to set → lists of what passes
A forged address of the client → only trusted proxies are believed
A limit raced over gateways or keys → one bucket for the tenant, leases in Redis
Case variants, folded letters, repeated keys → 400
\`__proto__\` and \`constructor\` → no effect
Depth, size, long numbers, huge ids → 400 or 413 at once
Batches → 400
Patterns that take for ever → none that can
Schemas that take for ever → bounds; the tool is left out, the list is not
Compressed requests, stacked encodings → 415
A crash by one message → 400, and the process lives
A command through the registry → administrators only
Arguments and environment that change what runs → refused; a clean environment
Tools that shadow others → names that never meet
Definitions that change after they were accepted → held as the policy says, audited
Hidden characters and instructions in descriptions → flagged
Names that look like others → flagged or refused
Scripts in descriptions and icons → shown as text
Line breaks in the parts of an event → no event of its own
Line breaks in logs; secrets in logs and answers → neither
Paths that leave their directory → refused
SQL in every field → bound, never built
A revoked key → dead everywhere within seconds
Sessions, streams and registrations hoarded → capped
Elicitation without capability, phishing addresses → dropped; https only
Metrics and debugging open to all → they are not
Dependencies → pinned by a lockfile, scripts of packages do not run
`,
)

/** What is promised in figures. */
export const GOALS = rows(
  'G',
  `
Calls with authentication, limits and audit → 1,500 a second on two cores
Ten thousand idle streams → 450 MB at most
Ten times the load → 80 % of the best still gets through
A noisy tenant → the others do not notice
Two hundred slow readers of 64 MB → 200 MB at most
Every fault → three times in a row
Over all faults → nothing lost, executed twice or delivered to somebody else
A server is back → calls succeed within 2 s
A server lost its sessions → no client error
One of ten servers is dead → the list within 1.5 s
PostgreSQL away for 60 s → no failed call, no lost record
Redis away for 60 s → no failed call
The holder of a lease is killed → a successor within 11 s, terms never overlap
A rolling restart under load → no failed request
kill -9 to ready with 1,000 servers → 3 s
Eight minutes with churn and faults → memory, descriptors and timers stay flat
Abandoned sessions → 4 KB each
A million bad messages → typed errors only
A hundred thousand bad requests → no crash, no hang, no unexpected 5xx
No request costs a hundred times its size → bounded
Conformance through the gateway → 100 %
All attacks of this page → each has its test
Ten thousand probes into other tenants → nothing leaks
Revocation → everywhere within 5 s
`,
)

/** All rows in order. */
export const ROWS: readonly Row[] = [...FAULTS, ...ATTACKS, ...GOALS]
