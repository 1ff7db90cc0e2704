/** The course of something that is well or not, in the space of a word: a cell for each step of a range. */
export interface Cell<State extends string> {
  readonly from: number
  readonly until: number
  readonly state: State
}

export interface StripOptions<State extends string> {
  readonly from: number
  readonly to: number
  readonly stepMs: number
  /** How long a sample stands for what follows it, at least. */
  readonly holdMs: number
  readonly stateOf: (value: number) => State
}

/**
 * Stretches of one state each, from what was measured. A sample at a time speaks of the step that ends there, and on
 * until the next one, but no longer than it holds: what nobody measured is left out.
 */
export function stripCells<State extends string>(
  times: readonly number[],
  values: readonly (number | null)[],
  { from, to, stepMs, holdMs, stateOf }: StripOptions<State>,
): Cell<State>[] {
  const out: { from: number; until: number; state: State }[] = []
  let heldUntil = -Infinity
  times.forEach((time, at) => {
    const value = values[at]
    if (value === null || value === undefined || Number.isNaN(value) || time < from) return
    const begins = Math.max(time - stepMs, from)
    const until = Math.min(time, to)
    const state = stateOf(value)
    const last = out.at(-1)
    if (last !== undefined && begins <= heldUntil + stepMs / 2) {
      // What came before held until here.
      last.until = Math.max(last.until, begins)
      if (last.state === state) last.until = until
      else out.push({ from: last.until, until: Math.max(until, last.until), state })
    } else {
      out.push({ from: begins, until, state })
    }
    heldUntil = time + Math.max(holdMs, stepMs) - stepMs
  })
  const last = out.at(-1)
  // The present belongs to the newest sample.
  if (last !== undefined && to - last.until <= Math.max(holdMs, stepMs) * 1.5) last.until = to
  return out
}

/** Stretches that are in one of these states, the newest first. */
export const stretchesOf = <State extends string>(
  cells: readonly Cell<State>[],
  states: readonly State[],
): Cell<State>[] => cells.filter(({ state }) => states.includes(state)).reverse()

/** The part of what was measured that is in this state; null if nothing was. */
export function shareOf<State extends string>(cells: readonly Cell<State>[], state: State): number | null {
  let all = 0
  let some = 0
  for (const cell of cells) {
    all += cell.until - cell.from
    if (cell.state === state) some += cell.until - cell.from
  }
  return all > 0 ? some / all : null
}
