import { elicit, fieldOf } from './asking-tools.ts'
import { type FeatureContext, FeatureError, INVALID_PARAMS, isJson, type Json } from './feature.ts'
import { RED_PIXEL } from './media.ts'

const argument = (name: string): Json => ({ name, description: `The ${name}.`, required: true })

export const listPrompts = (): Json => ({
  prompts: [
    { name: 'test_simple_prompt', description: 'A prompt without arguments.' },
    {
      name: 'test_prompt_with_arguments',
      description: 'A prompt with two arguments.',
      arguments: [argument('arg1'), argument('arg2')],
    },
    {
      name: 'test_prompt_with_embedded_resource',
      description: 'A prompt with a resource inside.',
      arguments: [argument('resourceUri')],
    },
    { name: 'test_prompt_with_image', description: 'A prompt with a picture.', 'x-vendor': 'kept' },
    { name: 'test_input_required_result_prompt', description: 'A prompt that asks the user first.' },
  ],
})

const says = (words: string): Json => ({ role: 'user', content: { type: 'text', text: words } })

/** `prompts/get`. */
export const getPrompt = async (params: Json, { ask }: FeatureContext): Promise<Json> => {
  const given = isJson(params['arguments']) ? params['arguments'] : {}
  switch (params['name']) {
    case 'test_simple_prompt':
      return { messages: [says('This is a simple prompt for testing.')] }
    case 'test_prompt_with_arguments': {
      const [first, second] = [given['arg1'], given['arg2']].map(String)
      return { messages: [says(`Prompt with arguments: arg1='${first}', arg2='${second}'`)] }
    }
    case 'test_prompt_with_embedded_resource': {
      const resource = {
        uri: String(given['resourceUri']),
        mimeType: 'text/plain',
        text: 'Embedded resource content for testing.',
      }
      return {
        messages: [
          { role: 'user', content: { type: 'resource', resource } },
          says('Please process the embedded resource above.'),
        ],
      }
    }
    case 'test_prompt_with_image': {
      const content = { type: 'image', data: RED_PIXEL, mimeType: 'image/png' }
      return { messages: [{ role: 'user', content }, says('Please analyze the image above.')] }
    }
    case 'test_input_required_result_prompt': {
      const context = { type: 'string' }
      const question = elicit('What context should the prompt use?', { context }, ['context'])
      const answers = await ask({ user_context: question })
      return { messages: [says(`Use this: ${fieldOf(answers['user_context'], 'context')}`)] }
    }
    default:
      throw new FeatureError(INVALID_PARAMS, `Unknown prompt: ${String(params['name'])}`)
  }
}

/** `completion/complete`: whatever begins with what was typed. */
export const complete = ({ argument: asked }: Json): Json => {
  const typed = isJson(asked) ? String(asked['value']) : ''
  const values = ['paris', 'park', 'party', 'test', 'testing'].filter((word) => word.startsWith(typed))
  return { completion: { values, total: values.length, hasMore: false } }
}
