import { Link } from '@tanstack/react-router'
import { EntityIcon } from '@/components/related/EntityIcon'
import { useMessages } from '@/i18n'
import styles from './entityParts.module.css'

/** How an entity is, by colour and word. */
export function HealthMark({ health, word = false }: { readonly health: string; readonly word?: boolean }) {
  const e = useMessages('entities').entities
  const name = e.healths[health] ?? health
  return (
    <span className={styles.health} data-health={health} {...(word ? {} : { title: name })}>
      <i role={word ? undefined : 'img'} aria-label={word ? undefined : name} />
      {word && name}
    </span>
  )
}

interface EntityLinkProps {
  readonly type: string
  readonly id: string
  readonly text?: string
}

/** A way to the page of an entity, at the time in view. */
export function EntityLink({ type, id, text }: EntityLinkProps) {
  return (
    <Link to="/entities/$type" params={{ type }} search={{ id }} className={styles.link} title={id}>
      <EntityIcon type={type} size={15} />
      <span className="clip">{text ?? id}</span>
    </Link>
  )
}
