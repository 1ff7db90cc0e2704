const names = {
  en: { d: 'd', h: 'h', m: 'm', s: 's' },
  zh: { d: ' 天', h: ' 小时', m: ' 分', s: ' 秒' },
} as const

/** The two largest units of a duration in seconds: `3d 4h`, `5m 12s`. */
export function formatUptime(duration: number, locale: string): string {
  const unit = locale.startsWith('zh') ? names.zh : names.en
  const whole = Math.max(Math.floor(duration), 0)
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), unit.d],
    [Math.floor((whole % 86_400) / 3600), unit.h],
    [Math.floor((whole % 3600) / 60), unit.m],
    [whole % 60, unit.s],
  ]
  const first = parts.findIndex(([count]) => count > 0)
  if (first < 0) return `0${unit.s}`
  return parts
    .slice(first, first + 2)
    .filter(([count], index) => index === 0 || count > 0)
    .map(([count, name]) => `${count}${name}`)
    .join(' ')
}
