/** Something that somebody did, or was refused. */
export interface AuditEvent {
  /** `newEntityId()` at the moment when it happened: lists are in the order of ids, and what is appended twice is kept once. */
  readonly id: string
  /** Who did it. */
  readonly principalId: string
  /** What was done, such as `server.delete`. */
  readonly action: string
  /** To what: an id or a name; undefined when it was to nothing in particular. */
  readonly objectId: string | undefined
  readonly outcome: 'success' | 'denied' | 'failure'
  /** The request in which it was done; undefined when it was none. */
  readonly requestId: string | undefined
  /** Whatever else is to be known. Never a secret. */
  readonly details: Readonly<Record<string, unknown>>
}

/** An event as it is read. */
export interface AuditRecord extends AuditEvent {
  /** From its id, to the millisecond. */
  readonly occurredAt: Date
}

/** Which events. All that is given must hold. */
export interface AuditFilter {
  readonly principalId?: string | undefined
  readonly action?: string | undefined
  readonly objectId?: string | undefined
  /** This moment and later. */
  readonly from?: Date | undefined
  /** Before this moment. */
  readonly until?: Date | undefined
}
