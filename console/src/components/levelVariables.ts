import type { CSSProperties } from 'react'
import { levelColor, levels } from '@/lib/levels'
import type { Scheme } from '@/lib/palette'

/** The colours of levels for style sheets: `--wf-level-error` and so on. */
export const levelVariables = (scheme: Scheme): CSSProperties =>
  Object.fromEntries(levels.map((level) => [`--wf-level-${level}`, levelColor(level, scheme)]))
