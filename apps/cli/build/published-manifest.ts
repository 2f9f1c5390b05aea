/** What is read of a manifest. */
export interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly [member: string]: unknown
}

/**
 * The manifest as it is published: the real versions of what is needed, and nothing that only the repository needs.
 *
 * @param workspace the text of `pnpm-workspace.yaml`, which has the versions.
 * @throws {Error} for a dependency that is not in the catalog.
 */
export const publishedManifest = (manifest: Manifest, workspace: string): Manifest => {
  const [, catalog = ''] = /^catalog:\n((?: {2}.*\n)+)/mu.exec(workspace) ?? []
  const versions = new Map(
    Array.from(catalog.matchAll(/^ {2}'?([^':]+)'?: (.+)$/gmu), ([, name = '', version = '']) => [
      name,
      version,
    ]),
  )
  const dependencies = Object.fromEntries(
    Object.entries(manifest.dependencies).map(([name, version]) => {
      const real = version === 'catalog:' ? versions.get(name) : version
      if (real === undefined) throw new Error(`${name} is not in the catalog of pnpm-workspace.yaml`)
      return [name, real]
    }),
  )
  const { devDependencies: _development, scripts: _scripts, ...published } = manifest
  return { ...published, dependencies }
}
