import type { Principal } from '@mreg/core'
import { encodeResult, findMember, type JsonRpcId, readValue, type ScannedMessage } from '@mreg/mcp-wire'
import type { CatalogServer } from '@mreg/registry'
import { isJsonObject, type JsonObject } from '@mreg/upstream'

import { type Answer, jsonAnswer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import { idOf } from '../routed.ts'

/**
 * Begins a login of a principal for a server. Gives what its user opens in a browser; undefined: it is not begun that way here.
 * A login that was begun already is given again.
 */
export type LoginUrlFor = (
  principal: Principal,
  server: Pick<CatalogServer, 'serverId' | 'slug'>,
) => Promise<string | undefined>

/** The key under which the user is asked, and answers. */
const QUESTION = 'login'
/** What the client gives back with the answer: by then the tool may be gone, as the login is there. No server's state is like that. */
const STATE = 'dev.mreg/login'

/**
 * The answer to the tool that says that a server wants a login: the client is asked to open the page where its user logs in, if
 * it can do that, and is told what to do otherwise.
 */
export const loginAnswer = async (
  { body, principal }: Exchange,
  scanned: ScannedMessage,
  { serverId, slug }: CatalogServer,
  loginUrlFor: LoginUrlFor,
): Promise<Answer> => {
  const id = idOf(scanned) ?? ''
  const say = (text: string, isError: boolean): Answer => textAnswer(id, text, isError)
  const command = `mreg login ${slug}`
  const url = await loginUrlFor(principal, { serverId, slug }).catch(() => undefined)
  if (url === undefined)
    return say(`The server "${slug}" wants a login. Run this on a command line: ${command}`, true)
  if (!canOpen(body, scanned))
    return say(
      `The server "${slug}" wants a login. Open ${url} in a browser on this machine, or run this on a command line: ${command}`,
      true,
    )
  const message = `The server "${slug}" wants a login.`
  const question = { method: 'elicitation/create', params: { mode: 'url', message, url } }
  return jsonAnswer(
    encodeResult({
      id,
      result: { resultType: 'input_required', inputRequests: { [QUESTION]: question }, requestState: STATE },
    }),
  )
}

/** The answer to a call that brings what the user said to the question; undefined: it is no such call. */
export const loginAnswered = ({ body }: Exchange, scanned: ScannedMessage): Answer | undefined => {
  const span = scanned.paramsSpan && findMember(body, scanned.paramsSpan, 'requestState')
  if (span === undefined || readValue(body, span) !== STATE) return undefined
  const id = idOf(scanned) ?? ''
  return responseIn(body, scanned)?.['action'] === 'accept'
    ? textAnswer(
        id,
        'Once the login at the page is done, the tools of the server are in the list of tools.',
        false,
      )
    : textAnswer(id, 'Without a login, the server cannot be used.', true)
}

const textAnswer = (id: JsonRpcId, text: string, isError: boolean): Answer =>
  jsonAnswer(
    encodeResult({ id, result: { resultType: 'complete', content: [{ type: 'text', text }], isError } }),
  )

/** What the user said to the question; undefined: it was not asked yet. */
const responseIn = (body: Uint8Array, { paramsSpan }: ScannedMessage): JsonObject | undefined => {
  const span = paramsSpan && findMember(body, paramsSpan, 'inputResponses')
  const responses = span && readValue(body, span)
  const response = isJsonObject(responses) ? responses[QUESTION] : undefined
  return isJsonObject(response) ? response : undefined
}

/** Whether the client opens pages for its user. */
const canOpen = (body: Uint8Array, { meta }: ScannedMessage): boolean => {
  const span = meta?.clientCapabilitiesSpan
  const capabilities = span && readValue(body, span)
  const elicitation = isJsonObject(capabilities) ? capabilities['elicitation'] : undefined
  return isJsonObject(elicitation) && isJsonObject(elicitation['url'])
}
