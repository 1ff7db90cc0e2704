import { memo } from 'react'

interface SparklineProps {
  readonly values: readonly (number | null)[]
  readonly color: string
  readonly min?: number
  readonly max?: number
}

const width = 120
const height = 32
/** More points than this are finer than the strokes they are drawn with. */
const pointsMax = 90

function thin(values: readonly (number | null)[]): (number | null)[] {
  const stride = Math.ceil(values.length / pointsMax)
  return stride <= 1
    ? [...values]
    : values.filter((_, index) => index % stride === 0 || index === values.length - 1)
}

/** The course of a number in the space of a word. */
export const Sparkline = memo(function Sparkline({ values, color, min, max }: SparklineProps) {
  const points = thin(values)
  const known = points.filter((value): value is number => value !== null && Number.isFinite(value))
  if (known.length < 2) return <svg width="100%" height={height} aria-hidden />
  const low = min ?? Math.min(...known)
  const high = Math.max(max ?? -Infinity, ...known)
  const scale = high > low ? (height - 4) / (high - low) : 0
  let path = ''
  let pen = 'M'
  points.forEach((value, index) => {
    if (value === null || !Number.isFinite(value)) {
      pen = 'M'
      return
    }
    const x = (index / (points.length - 1)) * width
    path += `${pen}${x.toFixed(1)} ${(height - 2 - (value - low) * scale).toFixed(1)}`
    pen = 'L'
  })
  return (
    <svg
      width="100%"
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      aria-hidden
    >
      <path d={`${path}L${width} ${height}L0 ${height}Z`} fill={color} opacity={0.13} />
      <path
        d={path}
        fill="none"
        stroke={color}
        strokeWidth={1.5}
        vectorEffect="non-scaling-stroke"
        strokeLinejoin="round"
      />
    </svg>
  )
})
