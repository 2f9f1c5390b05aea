/** A server with a URL, as the API takes it. */
export interface UrlEndpointInput {
  readonly transport: 'streamable-http' | 'sse'
  readonly url: string
  /** Sent with each request; kept encrypted. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** A server that is started by a command, as the API takes it. */
export interface CommandEndpointInput {
  readonly transport: 'stdio'
  readonly command: string
  readonly args?: readonly string[] | undefined
  /** Kept encrypted. */
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly cwd?: string | undefined
}

export type EndpointInput = UrlEndpointInput | CommandEndpointInput

/** What registers a server: `POST /api/v1/servers`. */
export interface ServerInput {
  readonly slug: string
  readonly title?: string | undefined
  readonly description?: string | undefined
  readonly tags?: readonly string[] | undefined
  readonly endpoints: readonly EndpointInput[]
}

/** What changes a server: `PATCH /api/v1/servers/{slug}`. `endpoints` replaces all of them. */
export interface ServerPatch {
  readonly title?: string | undefined
  readonly endpoints?: readonly EndpointInput[] | undefined
}
