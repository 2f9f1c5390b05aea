/** Tar is made of blocks of this size, in bytes. */
export const BLOCK_BYTES = 512

/** What a header says about the file or directory that follows. */
export interface TarHeader {
  readonly path: string
  readonly sizeBytes: number
  readonly isDirectory: boolean
}

/**
 * A header of POSIX ustar.
 *
 * @throws {RangeError} the path is longer than 100 bytes, which no file of a database is.
 */
export const writeHeader = ({ path, sizeBytes, isDirectory }: TarHeader): Buffer => {
  if (Buffer.byteLength(path) > 100) {
    throw new RangeError(`the path is too long for a tarball: ${path}`)
  }
  const header = Buffer.alloc(BLOCK_BYTES)
  header.write(path, 0)
  header.write(isDirectory ? '0000700\0' : '0000600\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  header.write(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124)
  header.write(`${'0'.repeat(11)}\0`, 136)
  header.write(isDirectory ? '5' : '0', 156)
  header.write('ustar\x0000', 257, 'latin1')
  header.write(`${checksum(header).toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

/**
 * Reads one; undefined: the tarball ends here.
 *
 * @throws {Error} it is none, or it is damaged.
 */
export const readHeader = (header: Buffer): TarHeader | undefined => {
  if (header[0] === 0) {
    return undefined
  }
  const sizeBytes = Number.parseInt(text(header, 124, 12), 8)
  if (
    text(header, 257, 5) !== 'ustar' ||
    !Number.isSafeInteger(sizeBytes) ||
    checksum(header) !== Number.parseInt(text(header, 148, 8), 8)
  ) {
    throw new Error('it is not a tarball, or it is damaged')
  }
  const prefix = text(header, 345, 155)
  const name = text(header, 0, 100)
  return {
    path: prefix === '' ? name : `${prefix}/${name}`,
    sizeBytes,
    isDirectory: text(header, 156, 1) === '5',
  }
}

const text = (header: Buffer, start: number, length: number): string => {
  const field = header.subarray(start, start + length)
  const end = field.indexOf(0)
  return field
    .subarray(0, end === -1 ? length : end)
    .toString('utf8')
    .trim()
}

/** The sum of the bytes of the header, its own field counted as spaces. */
const checksum = (header: Buffer): number => {
  let sum = 0
  for (const [index, byte] of header.entries()) {
    sum += index >= 148 && index < 156 ? 32 : byte
  }
  return sum
}
