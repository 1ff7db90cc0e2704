import type { Labels } from '@/api/types'
import styles from './LabelList.module.css'

export function LabelList({ labels }: { readonly labels: Labels }) {
  return (
    <ul className={styles.labels}>
      {Object.entries(labels).map(([name, value]) => (
        <li key={name}>
          <span>{name}=</span>
          {`"${value}"`}
        </li>
      ))}
    </ul>
  )
}
