export const nav = {
  label: 'Screens',
  machine: 'This machine',
  explore: 'Explore',
  logs: 'Logs',
  targets: 'Targets',
  status: 'Status',
  collapse: 'Collapse navigation',
  expand: 'Expand navigation',
  skip: 'Skip to content',
}

export const common = {
  close: 'Close',
  copy: 'Copy',
  copied: 'Copied',
  copyFailed: 'The browser refused access to the clipboard',
  all: 'All',
  none: 'None',
  name: 'Name',
  value: 'Value',
  noData: 'No data in this range',
  openInExplore: 'Open in Explore',
  shown: (shown: number, total: number) => `${shown} of ${total}`,
  ago: (text: string) => `${text} ago`,
  never: 'never',
}

export const top = {
  language: 'Language',
  theme: 'Colour theme',
  light: 'Light',
  dark: 'Dark',
  auto: 'Like the system',
  help: 'Keyboard shortcuts',
  palette: 'Search screens and metrics',
  refreshNow: 'Refresh now',
  refreshEvery: 'Refresh',
  live: 'Live',
  off: 'Off',
  paused: 'Fixed range',
}

export const time = {
  range: 'Time range',
  quick: 'Quick ranges',
  absolute: 'Absolute range',
  from: 'From',
  to: 'To',
  apply: 'Apply',
  zone: 'Time zone',
  local: 'Browser time',
  utc: 'UTC',
  back: 'Earlier',
  forward: 'Later',
  zoomOut: 'Zoom out',
  invalid: 'Write now-1h, now/d, or 2026-01-31 14:00:00',
  order: 'From must lie before To',
  pick: 'Pick from a calendar',
  last: (text: string) => `Last ${text}`,
  today: 'Today',
  yesterday: 'Yesterday',
  units: {
    m: (n: number) => `${n} minutes`,
    h: (n: number) => (n === 1 ? '1 hour' : `${n} hours`),
    d: (n: number) => (n === 1 ? '1 day' : `${n} days`),
  },
}

export const palette = {
  placeholder: 'Go to a screen, or look up a metric…',
  screens: 'Screens',
  actions: 'Actions',
  metrics: 'Metrics',
  empty: 'Nothing matches',
  toggleTheme: 'Switch between light and dark',
  switchLanguage: '切换到中文',
  hint: '↑↓ choose · Enter open · Esc close',
}

export const shortcuts = {
  title: 'Keyboard shortcuts',
  anywhere: 'Anywhere',
  time: 'Time',
  go: 'Go to',
  help: 'Show this list',
  palette: 'Search screens and metrics',
  focus: 'Focus the query or filter',
  theme: 'Light or dark',
  nav: 'Collapse navigation',
  earlier: 'Earlier',
  later: 'Later',
  zoomOut: 'Zoom out',
  refresh: 'Refresh now',
  run: 'Run the query',
  then: 'then',
}

export const errors = {
  unreachable: 'The server does not answer',
  unreachableHint: 'Showing what was last seen; trying again on its own.',
  crashed: 'This screen ran into an error',
  crashedHint: 'The rest of the console still works. Reloading usually helps.',
  reload: 'Reload',
  notFound: 'There is nothing at this address',
  notFoundHint: 'The link may be old, or mistyped.',
  home: 'Go to This machine',
  position: (line: number, column: number) => `line ${line}, column ${column}`,
}
