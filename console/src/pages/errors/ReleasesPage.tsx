import { Select, Skeleton, useComputedColorScheme } from '@mantine/core'
import { IconPackage } from '@tabler/icons-react'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useMemo } from 'react'
import { releases, type Release, type ReleaseHealth } from '@/api/releases'
import { CountBars } from '@/components/issues/CountBars'
import { errorsKey } from '@/components/issues/useIssueActions'
import { levelVariables } from '@/components/levelVariables'
import { Message } from '@/components/Message'
import { VirtualTable, type TableColumn } from '@/components/VirtualTable'
import { useMessages } from '@/i18n'
import { formatUptime } from '@/lib/ago'
import { epochMs } from '@/lib/brand'
import { issueWindow } from '@/lib/issueWindow'
import { errorText } from '@/lib/serverError'
import { encodeTimePoint, resolveRange } from '@/lib/time'
import { formatCount } from '@/lib/units'
import { useNow } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import styles from './ErrorsPage.module.css'
import { ErrorsTabs } from './ErrorsTabs'
import releaseStyles from './ReleasesPage.module.css'

const route = getRouteApi('/errors/releases')

/** A release in one environment: what a line is about. */
interface Line {
  readonly release: Release
  readonly health: ReleaseHealth | null
  /** Of all sessions of its project and environment that began in the range. */
  readonly adoption: number | null
}

function linesOf(all: readonly Release[]): readonly Line[] {
  const started = new Map<string, number>()
  const place = (release: Release, health: ReleaseHealth) => `${release.project}\n${health.environment}`
  for (const release of all)
    for (const health of release.sessions)
      started.set(place(release, health), (started.get(place(release, health)) ?? 0) + health.started)
  return all.flatMap((release): Line[] =>
    release.sessions.length === 0
      ? [{ release, health: null, adoption: null }]
      : release.sessions.map((health) => {
          const total = started.get(place(release, health)) ?? 0
          return { release, health, adoption: total === 0 ? null : health.started / total }
        }),
  )
}

/** Written so that 99.95 % does not become 100 %. */
const percent = (share: number | null): string =>
  share === null
    ? '–'
    : share === 1
      ? '100%'
      : `${(Math.floor(share * 100_000) / 1000).toFixed(share >= 0.9995 ? 2 : 1)}%`

const toneOf = (share: number | null): string | undefined =>
  share === null ? undefined : share < 0.95 ? 'bad' : share < 0.99 ? 'warn' : 'good'

/** How releases do: sessions without a crash, errors, and issues that began with them. */
export function ReleasesPage() {
  const t = useMessages('inbox')
  const r = t.inbox.releases
  const scheme = useComputedColorScheme('dark', { getInitialValueInEffect: false })
  const { range, zone } = useTimeState()
  const now = useNow()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const rangeKey = `${encodeTimePoint(range.from)}..${encodeTimePoint(range.to)}@${zone}`
  const asked = useQuery({
    queryKey: [...errorsKey, 'releases', rangeKey],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => {
      const { from, to } = resolveRange(range, epochMs(Date.now()), zone)
      return releases({}, issueWindow(from, to), signal)
    },
  })
  const lines = useMemo(() => linesOf(asked.data ?? []), [asked.data])
  const projects = [...new Set(lines.map(({ release }) => release.project))]
  const environments = [...new Set(lines.flatMap(({ health }) => health?.environment ?? []))]
  const shown = lines.filter(
    ({ release, health }) =>
      (search.project === undefined || release.project === search.project) &&
      (search.env === undefined || health?.environment === search.env),
  )
  const columns = useMemo((): TableColumn<Line>[] => {
    const ago = (at: number) => t.common.ago(formatUptime((now - at) / 1000, t.locale))
    const count = (
      key: string,
      title: string,
      value: (line: Line) => number | undefined,
    ): TableColumn<Line> => ({
      key,
      title,
      width: '74px',
      numeric: true,
      value: (line) => value(line) ?? NaN,
      cell: (line) => formatCount(value(line) ?? null),
    })
    const share = (
      key: string,
      title: string,
      of: (line: Line) => number | null | undefined,
    ): TableColumn<Line> => ({
      key,
      title,
      width: '118px',
      numeric: true,
      value: (line) => of(line) ?? NaN,
      cell: (line) => (
        <span className={releaseStyles.share} data-tone={toneOf(of(line) ?? null)}>
          {percent(of(line) ?? null)}
        </span>
      ),
    })
    return [
      {
        key: 'release',
        title: r.release,
        width: 'minmax(150px, 2fr)',
        value: ({ release }) => release.release,
        cell: ({ release }) => (
          <Link
            className={releaseStyles.name}
            to="/errors"
            search={{ release: release.release, project: release.project, status: 'all' }}
            title={r.issuesOf(release.release)}
          >
            {release.release}
          </Link>
        ),
      },
      {
        key: 'environment',
        title: r.where,
        width: 'minmax(110px, 1fr)',
        value: ({ release, health }) => `${release.project} ${health?.environment ?? ''}`,
        cell: ({ release, health }) =>
          health === null ? release.project : `${release.project} · ${health.environment}`,
      },
      share('crashFreeSessions', r.crashFreeSessions, ({ health }) => health?.crashFreeSessions),
      share('crashFreeUsers', r.crashFreeUsers, ({ health }) => health?.crashFreeUsers),
      count('sessions', r.sessions, ({ health }) => health?.started),
      {
        key: 'course',
        title: r.course,
        width: '96px',
        value: ({ health }) => health?.started ?? 0,
        cell: ({ health }) =>
          health === null ? (
            ''
          ) : (
            <div className={releaseStyles.course}>
              <CountBars
                counts={health.buckets.map(([started]) => started)}
                label={r.sessionsOver(formatCount(health.started))}
                color="var(--wf-level-info)"
              />
            </div>
          ),
      },
      {
        key: 'adoption',
        title: r.adoption,
        width: '76px',
        numeric: true,
        value: ({ adoption }) => adoption ?? NaN,
        cell: ({ adoption }) => (adoption === null ? '–' : `${Math.round(adoption * 100)}%`),
      },
      count('crashed', r.crashed, ({ health }) => health?.crashed),
      count('events', r.events, ({ release }) => release.events),
      count('newGroups', r.newGroups, ({ release }) => release.newGroups),
      {
        key: 'firstSeen',
        title: r.firstSeen,
        width: '96px',
        value: ({ release }) => release.firstSeen,
        cell: ({ release }) => ago(release.firstSeen),
      },
    ]
  }, [r, t, now])
  const set = (change: { project?: string | undefined; env?: string | undefined }) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true, resetScroll: false })
  return (
    <div className={styles.page} style={levelVariables(scheme)}>
      <h1 className={styles.hidden}>{r.title}</h1>
      <ErrorsTabs />
      <div className={releaseStyles.filters}>
        <Select
          size="xs"
          clearable
          aria-label={r.project}
          placeholder={r.project}
          data={projects}
          value={search.project ?? null}
          onChange={(project) => set({ project: project ?? undefined })}
        />
        <Select
          size="xs"
          clearable
          aria-label={r.environment}
          placeholder={r.environment}
          data={environments}
          value={search.env ?? null}
          onChange={(env) => set({ env: env ?? undefined })}
        />
      </div>
      {asked.error !== null && asked.data === undefined ? (
        <p role="alert">{errorText(asked.error.message)}</p>
      ) : asked.data === undefined ? (
        <Skeleton height={240} />
      ) : shown.length === 0 ? (
        <Message icon={<IconPackage size={42} stroke={1.3} />} title={r.none}>
          <p>{r.noneHint}</p>
        </Message>
      ) : (
        <section className={releaseStyles.panel}>
          <VirtualTable
            label={r.title}
            rows={shown}
            columns={columns}
            rowKey={({ release, health }) =>
              `${release.project}\n${release.release}\n${health?.environment ?? ''}`
            }
            height={680}
            minWidth={1080}
          />
          <p className="muted">{r.hint}</p>
        </section>
      )}
    </div>
  )
}
