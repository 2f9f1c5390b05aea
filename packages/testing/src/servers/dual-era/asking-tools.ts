import { type ClientQuestion, type FeatureTool, isJson, type Json, text, tool } from './feature.ts'

const TEXT_FIELD = { type: 'string' }

export const elicit = (message: string, properties: Json, required?: readonly string[]): ClientQuestion => ({
  method: 'elicitation/create',
  params: {
    mode: 'form',
    message,
    requestedSchema: { type: 'object', properties, ...(required === undefined ? {} : { required }) },
  },
})

const sample = (question: string, maxTokens = 100): ClientQuestion => ({
  method: 'sampling/createMessage',
  params: { messages: [{ role: 'user', content: { type: 'text', text: question } }], maxTokens },
})

const ROOTS: ClientQuestion = { method: 'roots/list', params: {} }

/** What the client's user chose, as text. */
const choice = (answer: Json | undefined): string =>
  `action=${String(answer?.['action'])}, content=${JSON.stringify(answer?.['content'] ?? {})}`

/** The text that the client's model wrote. */
const completion = (answer: Json | undefined): string => {
  const content = answer?.['content']
  return isJson(content) ? String(content['text']) : JSON.stringify(content)
}

const titled = (...names: readonly string[]): readonly Json[] =>
  names.map((title, index) => ({ const: `value${index + 1}`, title }))

/** Tools that need their client in the middle of the call, in either era. */
export const ASKING_TOOLS: readonly FeatureTool[] = [
  tool(
    'test_sampling',
    "Asks the client's model.",
    async ({ prompt }, { ask }) => {
      const { answer } = await ask({ answer: sample(String(prompt)) })
      return text(`LLM response: ${completion(answer)}`)
    },
    { prompt: TEXT_FIELD },
    ['prompt'],
  ),
  tool(
    'test_elicitation',
    "Asks the client's user with a form.",
    async ({ message }, { ask }) => {
      const username = { type: 'string', description: "User's response" }
      const email = { type: 'string', description: "User's email address" }
      const question = elicit(String(message), { username, email }, ['username', 'email'])
      const { user } = await ask({ user: question })
      return text(`User response: ${choice(user)}`)
    },
    { message: TEXT_FIELD },
    ['message'],
  ),
  tool('test_elicitation_url', 'Sends the user to a web page.', async (_input, { ask, era, notify }) => {
    const elicitationId = 'login-1'
    const params = { mode: 'url', message: 'Log in, please.', url: 'https://login.example/start' }
    const isLegacy = era === 'legacy'
    const page: ClientQuestion = {
      method: 'elicitation/create',
      params: isLegacy ? { ...params, elicitationId } : params,
    }
    const { login } = await ask({ login: page })
    if (isLegacy) await notify('notifications/elicitation/complete', { elicitationId })
    return text(`Login: action=${String(login?.['action'])}`)
  }),
  tool('test_roots', "Asks for the client's roots.", async (_input, { ask }) => {
    const { roots } = await ask({ roots: ROOTS })
    return text(`Roots: ${JSON.stringify(roots?.['roots'])}`)
  }),
  tool(
    'test_elicitation_sep1034_defaults',
    'Asks with a default for every type.',
    async (_input, { ask }) => {
      const { user } = await ask({
        user: elicit('Please check these values.', {
          name: { type: 'string', default: 'John Doe' },
          age: { type: 'integer', default: 30 },
          score: { type: 'number', default: 95.5 },
          status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
          verified: { type: 'boolean', default: true },
        }),
      })
      return text(`Elicitation completed: ${choice(user)}`)
    },
  ),
  tool('test_elicitation_sep1330_enums', 'Asks with every kind of choice.', async (_input, { ask }) => {
    const plain = ['option1', 'option2', 'option3']
    const { user } = await ask({
      user: elicit('Please choose.', {
        untitledSingle: { type: 'string', enum: plain },
        titledSingle: { type: 'string', oneOf: titled('First Option', 'Second Option') },
        legacyEnum: {
          type: 'string',
          enum: ['opt1', 'opt2', 'opt3'],
          enumNames: ['Option One', 'Option Two', 'Option Three'],
        },
        untitledMulti: { type: 'array', items: { type: 'string', enum: plain } },
        titledMulti: { type: 'array', items: { anyOf: titled('First Choice', 'Second Choice') } },
      }),
    })
    return text(`Elicitation completed: ${choice(user)}`)
  }),
  tool('test_missing_capability', 'Needs a client with a model.', async (_input, { ask }) => {
    const { answer } = await ask({ answer: sample('Are you there?') })
    return text(completion(answer))
  }),
  tool('test_streaming_elicitation', 'Says something, then asks.', async (_input, { ask, progress }) => {
    await progress(1, 2)
    const { user } = await ask({ user: elicit('Go on?', { ok: { type: 'boolean' } }) })
    return text(choice(user))
  }),
]

const NAME = elicit('What is your name?', { name: TEXT_FIELD }, ['name'])
const CONFIRM = elicit('Please confirm', { ok: { type: 'boolean' } }, ['ok'])

/** The field of an accepted form. */
export const fieldOf = (answer: Json | undefined, name: string): string => {
  const content = answer?.['content']
  return isJson(content) ? String(content[name]) : 'nothing'
}

/** The conformance suite's tools for multi-round-trip requests. They work with older clients too. */
export const ROUND_TRIP_TOOLS: readonly FeatureTool[] = [
  tool('test_input_required_result_elicitation', 'Asks for a name.', async (_input, { ask }) => {
    const { user_name: name } = await ask({ user_name: NAME })
    return text(`Hello, ${fieldOf(name, 'name')}!`)
  }),
  tool('test_input_required_result_sampling', 'Asks for a capital.', async (_input, { ask }) => {
    const answers = await ask({ capital_question: sample('What is the capital of France?') })
    return text(completion(answers['capital_question']))
  }),
  tool('test_input_required_result_list_roots', 'Asks for roots.', async (_input, { ask }) => {
    const answers = await ask({ client_roots: ROOTS })
    return text(JSON.stringify(answers['client_roots']))
  }),
  tool('test_input_required_result_request_state', 'Asks, and keeps state.', async (_input, { ask }) => {
    await ask({ confirm: CONFIRM })
    return text('state-ok')
  }),
  tool(
    'test_input_required_result_tampered_state',
    'Asks, and guards its state.',
    async (_input, { ask }) => {
      await ask({ confirm: CONFIRM })
      return text('state-ok')
    },
  ),
  tool(
    'test_input_required_result_multiple_inputs',
    'Asks three things at once.',
    async (_input, { ask }) => {
      const answers = await ask({
        user_name: NAME,
        greeting: sample('Generate a greeting', 50),
        client_roots: ROOTS,
      })
      return text(`${fieldOf(answers['user_name'], 'name')}: ${completion(answers['greeting'])}`)
    },
  ),
  tool('test_input_required_result_multi_round', 'Asks twice.', async (_input, { ask }) => {
    const { step1 } = await ask({
      step1: elicit('Step 1: What is your name?', { name: TEXT_FIELD }, ['name']),
    })
    const { step2 } = await ask({
      step2: elicit('Step 2: What is your favorite color?', { color: TEXT_FIELD }, ['color']),
    })
    return text(`${fieldOf(step1, 'name')} likes ${fieldOf(step2, 'color')}`)
  }),
  tool(
    'test_input_required_result_capabilities',
    'Asks what the client can answer.',
    async (_input, { ask, clientCapabilities }) => {
      const answers = await ask({
        ...('elicitation' in clientCapabilities ? { confirm: CONFIRM } : {}),
        ...('sampling' in clientCapabilities ? { greeting: sample('Say hello') } : {}),
        ...('roots' in clientCapabilities ? { client_roots: ROOTS } : {}),
      })
      return text(Object.keys(answers).join(', '))
    },
  ),
]
