import {
  IconAffiliate,
  IconCalendarEvent,
  IconBellRinging,
  IconFilterCog,
  IconFlame,
  IconGauge,
  IconLogs,
  IconRadar2,
  IconTerminal2,
  IconTimeline,
  type Icon,
} from '@tabler/icons-react'

export const screens = [
  { name: 'machine', to: '/', key: 'm', icon: IconFlame },
  { name: 'explore', to: '/explore', key: 'e', icon: IconTerminal2 },
  { name: 'logs', to: '/logs', key: 'l', icon: IconLogs },
  { name: 'traces', to: '/traces', key: 'r', icon: IconTimeline },
  { name: 'alerts', to: '/alerts', key: 'a', icon: IconBellRinging },
  { name: 'events', to: '/events', key: 'v', icon: IconCalendarEvent },
  { name: 'entities', to: '/entities', key: 'n', icon: IconAffiliate },
  { name: 'pipelines', to: '/pipelines', key: 'p', icon: IconFilterCog },
  { name: 'targets', to: '/targets', key: 't', icon: IconRadar2 },
  { name: 'status', to: '/status', key: 's', icon: IconGauge },
] as const satisfies readonly { name: string; to: string; key: string; icon: Icon }[]
