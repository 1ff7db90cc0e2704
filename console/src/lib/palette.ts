export type Scheme = 'light' | 'dark'

/**
 * Series colours, ordered so that neighbours differ in lightness as well as hue and stay apart for the common colour
 * vision deficiencies (after Okabe and Ito); the first is the ember of the brand.
 */
const series: Readonly<Record<Scheme, readonly string[]>> = {
  dark: [
    '#f08c4a',
    '#5ab4e8',
    '#45c09a',
    '#ecd06f',
    '#c792ea',
    '#7f9cf5',
    '#e77f9e',
    '#9ec76b',
    '#5fd0d6',
    '#c9a27a',
    '#a9b4c4',
    '#f2b5a0',
  ],
  light: [
    '#d9570f',
    '#1b7fc0',
    '#0b8a66',
    '#b58900',
    '#8a4fbf',
    '#3f5fd0',
    '#c2355f',
    '#5d8a1f',
    '#0e8a92',
    '#8a6236',
    '#67758a',
    '#b55f45',
  ],
}

export function seriesColor(index: number, scheme: Scheme): string {
  const colors = series[scheme]
  return colors[index % colors.length] ?? '#888888'
}

export interface ChartColors {
  readonly axis: string
  readonly grid: string
  readonly cursor: string
}

export const chartColors: Readonly<Record<Scheme, ChartColors>> = {
  dark: { axis: '#968d84', grid: 'rgba(255, 244, 230, 0.065)', cursor: 'rgba(255, 244, 230, 0.4)' },
  light: { axis: '#7a6f64', grid: 'rgba(64, 48, 32, 0.09)', cursor: 'rgba(64, 48, 32, 0.45)' },
}

export function withAlpha(hex: string, alpha: number): string {
  return `${hex}${Math.round(alpha * 255)
    .toString(16)
    .padStart(2, '0')}`
}
