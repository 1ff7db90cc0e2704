import { IconAlertTriangle, IconInfoCircle } from '@tabler/icons-react'
import { useMessages } from '@/i18n'
import styles from './Remarks.module.css'

interface RemarksProps {
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
}

/** What the server has to say about an answer: warnings, that it may not be what was meant; infos, worth knowing. */
export function Remarks({ warnings, infos }: RemarksProps) {
  const x = useMessages('explore').explore
  if (warnings.length + infos.length === 0) return null
  return (
    <ul className={styles.remarks}>
      {warnings.map((text) => (
        <li key={text} data-severity="warning">
          <IconAlertTriangle size={15} aria-label={x.inspect.warnings} />
          {bare(text)}
        </li>
      ))}
      {infos.map((text) => (
        <li key={text}>
          <IconInfoCircle size={15} aria-label={x.inspect.infos} />
          {bare(text)}
        </li>
      ))}
    </ul>
  )
}

/** The icon says already what kind it is. */
function bare(text: string): string {
  return text.replace(/^PromQL (warning|info): /, '')
}
