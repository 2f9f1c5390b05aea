import { closeSync, createReadStream, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'

import { BLOCK_BYTES, readHeader } from './tar-header.ts'

/**
 * Unpacks a gzipped tarball (POSIX ustar) of files and directories, piece by piece, whatever its size. The files are
 * written synchronously: there are a thousand small ones, and asynchronous calls cost seven times as much.
 *
 * @param tarball its bytes, or the path of its file.
 * @throws {Error} it is not such a tarball, it is damaged or cut off, or a name in it leads out of `directory`.
 */
export const unpackTarball = async (tarball: Uint8Array | string, directory: string): Promise<void> => {
  const unpacking = new Unpacking(directory)
  try {
    await pipeline(
      typeof tarball === 'string' ? createReadStream(tarball) : [tarball],
      createGunzip({ chunkSize: 1_048_576 }),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) {
          unpacking.take(chunk)
        }
      },
    )
    unpacking.end()
  } finally {
    unpacking.close()
  }
}

class Unpacking {
  readonly #directory: string
  readonly #made = new Set<string>()
  /** What of a header has come so far. */
  #header = Buffer.alloc(0)
  #file: number | undefined
  /** Bytes of the file that are still to come, and of the padding behind it. */
  #content = 0
  #padding = 0
  #ended = false

  constructor(directory: string) {
    this.#directory = directory
  }

  take(chunk: Buffer): void {
    let rest = chunk
    while (rest.length > 0 && !this.#ended) {
      if (this.#content > 0) {
        const part = rest.subarray(0, this.#content)
        this.#write(part)
        this.#content -= part.length
        rest = rest.subarray(part.length)
      } else if (this.#padding > 0) {
        const skipped = Math.min(rest.length, this.#padding)
        this.#padding -= skipped
        rest = rest.subarray(skipped)
      } else {
        const part = rest.subarray(0, BLOCK_BYTES - this.#header.length)
        this.#header = Buffer.concat([this.#header, part])
        rest = rest.subarray(part.length)
        if (this.#header.length === BLOCK_BYTES) {
          this.#begin(this.#header)
          this.#header = Buffer.alloc(0)
        }
      }
    }
  }

  /** @throws {Error} more should have come. */
  end(): void {
    if (!this.#ended) {
      throw new Error('the tarball ends too soon')
    }
  }

  close(): void {
    if (this.#file !== undefined) {
      closeSync(this.#file)
      this.#file = undefined
    }
  }

  #begin(block: Buffer): void {
    this.close()
    const header = readHeader(block)
    if (header === undefined) {
      this.#ended = true
      return
    }
    const target = join(this.#directory, header.path)
    if (relative(this.#directory, target).split(sep)[0] === '..') {
      throw new Error(`the tarball holds a file outside of itself: ${header.path}`)
    }
    const folder = header.isDirectory ? target : dirname(target)
    if (!this.#made.has(folder)) {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      this.#made.add(folder)
    }
    if (!header.isDirectory) {
      this.#file = openSync(target, 'w', 0o600)
      this.#content = header.sizeBytes
      this.#padding = -header.sizeBytes & (BLOCK_BYTES - 1)
    }
  }

  #write(bytes: Buffer): void {
    if (this.#file === undefined) {
      throw new Error('the tarball is damaged: a directory has content')
    }
    for (let written = 0; written < bytes.length;) {
      written += writeSync(this.#file, bytes, written)
    }
  }
}
