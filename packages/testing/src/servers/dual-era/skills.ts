import { createHash } from 'node:crypto'

import { FeatureError, INVALID_PARAMS, type Json } from './feature.ts'

interface Skill {
  readonly name: string
  readonly description: string
  /** Path within the skill → content. */
  readonly files: Readonly<Record<string, string>>
}

const skill = (name: string, description: string, files: Readonly<Record<string, string>>): Skill => ({
  name,
  description,
  files: { 'SKILL.md': `---\nname: ${name}\ndescription: ${description}\n---\n\n# ${name}\n`, ...files },
})

const SKILLS: readonly Skill[] = [
  skill('release-notes', 'Writes the notes of a release.', {
    'template.md': '# Release\n',
    'references/style.md': '# Style\n\nShort sentences.\n',
  }),
  skill('triage', 'Sorts what comes in.', {}),
]

const DIRECTORY = 'inode/directory'

const directoryOf = ({ name }: Skill): string => `skill://${name}`

const entryOf = (one: Skill): Json => ({
  uri: `${directoryOf(one)}/SKILL.md`,
  frontmatter: { name: one.name, description: one.description },
  resources: Object.entries(one.files).map(([path, content]) => ({
    uri: `${directoryOf(one)}/${path}`,
    digest: `sha256:${createHash('sha256').update(content).digest('hex')}`,
    size: Buffer.byteLength(content),
  })),
})

/** The manifests, as they stand among the resources. */
export const SKILL_RESOURCES: readonly Json[] = SKILLS.map((one) => ({
  uri: `${directoryOf(one)}/SKILL.md`,
  name: one.name,
  description: one.description,
  mimeType: 'text/markdown',
}))

const CACHING = { ttlMs: 60_000, cacheScope: 'public' }

const PAGE = 1

/** `skills/list`: one skill a page. */
export const listSkills = ({ cursor }: Json): Json => {
  const start = cursor === undefined ? 0 : Number(cursor)
  const end = start + PAGE
  return {
    skills: SKILLS.slice(start, end).map(entryOf),
    ...(end < SKILLS.length ? { nextCursor: String(end) } : {}),
    ...CACHING,
  }
}

/** `skills/get`. */
export const getSkill = ({ uri }: Json): Json => {
  const found = SKILLS.map(entryOf).find((entry) => entry['uri'] === uri)
  if (found === undefined) throw new FeatureError(INVALID_PARAMS, 'Skill not found', { uri })
  return { skill: found, ...CACHING }
}

/** `resources/directory/read`: the direct children of a directory. */
export const readSkillDirectory = ({ uri }: Json): Json => {
  const children = childrenOf(String(uri))
  if (children.length === 0) throw new FeatureError(INVALID_PARAMS, 'Not a directory', { uri })
  return { resources: children, ...CACHING }
}

const childrenOf = (directory: string): readonly Json[] => {
  const children = new Map<string, Json>()
  for (const one of SKILLS) {
    for (const path of Object.keys(one.files)) {
      const uri = `${directoryOf(one)}/${path}`
      if (!uri.startsWith(`${directory}/`)) continue
      const [name = '', ...rest] = uri.slice(directory.length + 1).split('/')
      const mimeType = rest.length === 0 ? 'text/markdown' : DIRECTORY
      children.set(name, { uri: `${directory}/${name}`, name, mimeType })
    }
  }
  return [...children.values()]
}

/** The content of a file of a skill; undefined when there is no such file. */
export const readSkillFile = (uri: string): Json | undefined => {
  for (const one of SKILLS) {
    for (const [path, content] of Object.entries(one.files)) {
      if (uri === `${directoryOf(one)}/${path}`) return { mimeType: 'text/markdown', text: content }
    }
  }
  return undefined
}
