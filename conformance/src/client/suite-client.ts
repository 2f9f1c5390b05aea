import type { Json } from './gateway-api.ts'

/** What the suite's client does with a server, in the same words for both generations of the SDK. */
export interface SuiteClient {
  listTools(): Promise<readonly { readonly name: string; readonly inputSchema: unknown }[]>
  /** @param call - the parameters of `tools/call` */
  callTool(call: Json): Promise<unknown>
  /** Lists resources and prompts, and reads one of each. */
  readEverything(): Promise<void>
  close(): Promise<void>
}

/** What is answered to every form: its defaults, and yes. */
export const ACCEPTED = { action: 'accept', content: { confirmed: true } } as const
