/** The one of `names` that needs the fewest single-character changes to become `name`; undefined when none is near. */
export const nearestName = (name: string, names: readonly string[]): string | undefined => {
  const ranked = names
    .map((candidate) => ({ candidate, distance: editDistance(name, candidate) }))
    .toSorted((left, right) => left.distance - right.distance)
  const best = ranked[0]
  return best && best.distance <= Math.max(3, Math.floor(name.length / 3)) ? best.candidate : undefined
}

/** Levenshtein's distance, one row at a time. */
const editDistance = (left: string, right: string): number => {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (const [leftIndex, leftCharacter] of Array.from(left).entries()) {
    const next = [leftIndex + 1]
    for (const [rightIndex, rightCharacter] of Array.from(right).entries()) {
      next.push(
        Math.min(
          (next[rightIndex] ?? 0) + 1,
          (row[rightIndex + 1] ?? 0) + 1,
          (row[rightIndex] ?? 0) + (leftCharacter === rightCharacter ? 0 : 1),
        ),
      )
    }
    row = next
  }
  return row[right.length] ?? 0
}
