import { getRouteApi } from '@tanstack/react-router'
import { equality, matchersText } from '@/lib/alertMatchers'
import type { Alert } from '@/lib/alerts'

const route = getRouteApi('/alerts')

/** Opens the form of a new silence with the labels of an alert filled in. */
export function useSilenceThis(): (alert: Alert) => void {
  const navigate = route.useNavigate()
  return ({ labels }) => {
    const { alertname, ...rest } = labels
    const all = [
      ...(alertname === undefined ? [] : [equality('alertname', alertname)]),
      ...Object.entries(rest).map(([name, value]) => equality(name, value)),
    ]
    void navigate({ search: { tab: 'silences', silence: matchersText(all) } })
  }
}
