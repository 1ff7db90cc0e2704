import type { UseQueryResult } from '@tanstack/react-query'
import { ApiError } from '@/api/http'
import type { QueryResult } from '@/api/types'
import { Fact, InspectedExchange, Inspection } from '@/components/Inspection'
import { PlanTree } from '@/components/plan/PlanTree'
import { useMessages } from '@/i18n'
import { formatDuration } from '@/lib/duration'
import { formatSeconds } from '@/lib/units'
import { rowName } from './exploreSearch'
import { Remarks } from './Remarks'
import type { RowAnswer } from './useResults'

interface InspectorProps {
  readonly results: readonly UseQueryResult<RowAnswer>[]
  readonly exprs: readonly string[]
}

function sizeOf(result: QueryResult): { series: number; points: number } {
  if (result.type === 'matrix') {
    return {
      series: result.series.length,
      points: result.series.reduce((sum, s) => sum + s.times.length + s.histograms.length, 0),
    }
  }
  return result.type === 'vector'
    ? { series: result.samples.length, points: result.samples.length }
    : { series: 1, points: 1 }
}

/** A plan does not change with every refresh, only with the question. */
function planSubject({ expr, stepMs, data }: RowAnswer): string {
  return `${data.result.type} ${stepMs} ${expr}`
}

/** What each query cost and what the server had to say about it. */
export function Inspector({ results, exprs }: InspectorProps) {
  return (
    <Inspection>
      {results.map((result, index) => {
        if (exprs[index]?.trim() === '') return null
        const { data, error } = result
        const exchange = data?.exchange ?? (error instanceof ApiError ? error.exchange : null)
        if (exchange == null) return null
        return (
          <InspectedExchange
            key={index}
            name={rowName(index)}
            exchange={exchange}
            facts={data !== undefined && <AnswerFacts answer={data} />}
          >
            <Remarks warnings={exchange.warnings} infos={exchange.infos} />
            {data !== undefined && (
              <PlanTree key={planSubject(data)} url={data.exchange.url} subject={planSubject(data)} />
            )}
          </InspectedExchange>
        )
      })}
    </Inspection>
  )
}

function AnswerFacts({ answer }: { readonly answer: RowAnswer }) {
  const i = useMessages('explore').explore.inspect
  const { series, points } = sizeOf(answer.data.result)
  const { stats } = answer.data
  const phases: Record<string, string> = i.phases
  return (
    <>
      <Fact name={i.step} value={formatDuration(answer.stepMs)} />
      <Fact name={i.series} value={String(series)} />
      <Fact name={i.points} value={String(points)} />
      {stats?.totalSamples != null && <Fact name={i.samples} value={String(stats.totalSamples)} />}
      {stats?.peakSamples != null && <Fact name={i.peak} value={String(stats.peakSamples)} />}
      {Object.entries(stats?.timings ?? {})
        .filter(([name]) => name !== 'innerEvalTime')
        .map(([name, spent]) => (
          <Fact key={name} name={phases[name] ?? name} value={formatSeconds(spent)} />
        ))}
    </>
  )
}
