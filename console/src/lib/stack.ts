import type { ErrorEvent, StackFrame, Thrown } from '@/api/errorEvent'

/** Frames as they are shown: one of the application's, or a run of others that is folded. */
export type FrameRun =
  | { readonly kind: 'own'; readonly frame: StackFrame; readonly index: number }
  | { readonly kind: 'others'; readonly frames: readonly StackFrame[]; readonly index: number }

/**
 * Runs of frames in the order they are shown. Where nothing is the application's own nothing is folded; the call that
 * failed is shown whoever made it.
 */
export function frameRuns(frames: readonly StackFrame[], newestFirst: boolean): readonly FrameRun[] {
  const anyOwn = frames.some(({ inApp }) => inApp)
  const ordered = frames.map((frame, index) => ({ frame, index }))
  if (newestFirst) ordered.reverse()
  const runs: FrameRun[] = []
  for (const { frame, index } of ordered) {
    const last = runs.at(-1)
    if (frame.inApp || !anyOwn || index === frames.length - 1) runs.push({ kind: 'own', frame, index })
    else if (last?.kind === 'others') runs[runs.length - 1] = { ...last, frames: [...last.frames, frame] }
    else runs.push({ kind: 'others', frames: [frame], index })
  }
  return runs
}

/** Where a frame is from, in the words of its language: a file, or a module where there is none. */
export const placeOf = (frame: StackFrame): string =>
  frame.file !== '' ? frame.file : frame.path !== '' ? frame.path : frame.module

export const lineOf = ({ line, column }: StackFrame): string =>
  line === 0 ? '' : column === 0 ? `:${line}` : `:${line}:${column}`

function frameText(frame: StackFrame): string {
  const at = `${placeOf(frame)}${lineOf(frame)}`
  const name = frame.function === '' ? '' : ` in ${frame.function}`
  const source = frame.source === '' ? '' : `\n    ${frame.source.trim()}`
  return `  at ${at}${name}${source}`
}

const head = ({ type, value }: Thrown): string => [type, value].filter((part) => part !== '').join(': ')

/** All of an event's stack traces as text, what was caught last first. */
export function stackText(event: ErrorEvent): string {
  const thrown = [...event.exceptions].reverse().map((each, index) => {
    const frames = [...each.frames].reverse().map(frameText)
    return [`${index === 0 ? '' : 'Caused by: '}${head(each)}`, ...frames].join('\n')
  })
  if (event.frames.length > 0)
    thrown.push([event.message, ...[...event.frames].reverse().map(frameText)].join('\n'))
  return thrown.join('\n\n')
}
