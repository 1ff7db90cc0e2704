import {
  IconBox,
  IconComponents,
  IconCpu,
  IconDatabase,
  IconHexagon,
  IconPlug,
  IconQuestionMark,
  IconRoute,
  IconServer2,
  IconStack2,
  IconTerminal2,
  type Icon,
} from '@tabler/icons-react'

const icons: Readonly<Record<string, Icon>> = {
  service: IconHexagon,
  instance: IconComponents,
  endpoint: IconRoute,
  host: IconServer2,
  process: IconTerminal2,
  container: IconBox,
  pod: IconStack2,
  node: IconCpu,
  database: IconDatabase,
  queue: IconPlug,
}

interface EntityIconProps {
  readonly type: string
  readonly size: number
}

export function EntityIcon({ type, size }: EntityIconProps) {
  const Sign = icons[type] ?? IconQuestionMark
  return <Sign size={size} stroke={1.6} aria-hidden />
}
