import type { CSSProperties } from 'react'
import { levelColor } from '@/lib/levels'
import { seriesColor, type Scheme } from '@/lib/palette'

/** The colours of what went well and what failed, for style sheets. */
export const traceVariables = (scheme: Scheme): CSSProperties =>
  ({
    '--wf-trace-good': seriesColor(1, scheme),
    '--wf-trace-failed': levelColor('error', scheme),
  }) as CSSProperties
