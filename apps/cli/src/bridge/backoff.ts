const FIRST_MS = 200
const LONGEST_MS = 5000

/** How long to wait before the next try: longer each time, and never at the same moment as others. */
export const backoffMs = (attempt: number): number =>
  Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt) * (0.75 + Math.random() / 2)
