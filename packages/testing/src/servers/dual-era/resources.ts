import { FeatureError, INVALID_PARAMS, type Json } from './feature.ts'
import { RED_PIXEL } from './media.ts'
import { readSkillFile, SKILL_RESOURCES } from './skills.ts'

const PAGE = 4

const numbered: readonly Json[] = Array.from({ length: 6 }, (_, index) => ({
  uri: `test://numbered/${index + 1}`,
  name: `numbered-${index + 1}`,
  description: 'One of several, so that the list has pages.',
  mimeType: 'text/plain',
}))

const RESOURCES: readonly Json[] = [
  {
    uri: 'test://static-text',
    name: 'static-text',
    description: 'A text that never changes.',
    mimeType: 'text/plain',
    'x-vendor': 'kept',
  },
  {
    uri: 'test://static-binary',
    name: 'static-binary',
    description: 'A picture.',
    mimeType: 'image/png',
  },
  {
    uri: 'test://watched-resource',
    name: 'watched-resource',
    description: 'One to subscribe to.',
    mimeType: 'text/plain',
  },
  ...numbered,
  ...SKILL_RESOURCES,
]

/** One page of resources; the cursor is the place where it begins. */
export const listResources = ({ cursor }: Json): Json => {
  const start = cursor === undefined ? 0 : Number(cursor)
  if (!Number.isSafeInteger(start) || start < 0 || start > RESOURCES.length || cursor === '') {
    throw new FeatureError(INVALID_PARAMS, 'Invalid cursor')
  }
  const end = start + PAGE
  return {
    resources: RESOURCES.slice(start, end),
    ...(end < RESOURCES.length ? { nextCursor: String(end) } : {}),
  }
}

export const listResourceTemplates = (): Json => ({
  resourceTemplates: [
    {
      uriTemplate: 'test://template/{id}/data',
      name: 'template',
      description: 'Data for an id.',
      mimeType: 'application/json',
    },
  ],
})

/** Reads a resource. @throws FeatureError with the URI when there is none */
export const readResource = (uri: string, era: 'legacy' | 'modern'): Json => {
  const content = contentOf(uri) ?? readSkillFile(uri)
  if (content !== undefined) return { contents: [{ uri, ...content }] }
  throw new FeatureError(era === 'modern' ? INVALID_PARAMS : -32_002, 'Resource not found', { uri })
}

const contentOf = (uri: string): Json | undefined => {
  if (uri === 'test://static-text') {
    return { mimeType: 'text/plain', text: 'This is the content of the static text resource.' }
  }
  if (uri === 'test://static-binary') return { mimeType: 'image/png', blob: RED_PIXEL }
  if (uri === 'test://watched-resource') return { mimeType: 'text/plain', text: 'Watched.' }
  const number = /^test:\/\/numbered\/([1-6])$/u.exec(uri)?.[1]
  if (number !== undefined) return { mimeType: 'text/plain', text: `Number ${number}.` }
  const id = /^test:\/\/template\/([^/]+)\/data$/u.exec(uri)?.[1]
  if (id === undefined) return undefined
  const data = { id, templateTest: true, data: `Data for ID: ${id}` }
  return { mimeType: 'application/json', text: JSON.stringify(data) }
}
