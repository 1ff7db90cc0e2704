import type { Policy, PolicyStep } from '@/api/oncall'
import kit from '@/components/watch/kit.module.css'
import { ms } from '@/lib/brand'
import { formatDuration } from '@/lib/duration'
import styles from './incidents.module.css'
import { useWords } from './words'

/** In which order people are told, drawn as it is taken. */
export function Policies({ policies }: { readonly policies: readonly Policy[] }) {
  const o = useWords().oncall
  return (
    <section className={styles.card} aria-label={o.policies}>
      <h2>{o.policies}</h2>
      <p className={kit.hint}>{o.policyFirst}</p>
      {policies.map((policy) => (
        <div key={policy.name} role="group" aria-label={policy.name}>
          <p>
            <b>{policy.name}</b>{' '}
            <span className="muted">
              {policy.matchers.length === 0 ? o.policyForAll : o.policyFor(policy.matchers.join(', '))}
            </span>
          </p>
          <div className={styles.policy}>
            {policy.steps.map((step, at) => (
              <Step key={at} step={step} number={at + 1} />
            ))}
            <div className={styles.step}>
              <b>{o.repeats(policy.repeat)}</b>
            </div>
          </div>
        </div>
      ))}
    </section>
  )
}

function Step({ step, number }: { readonly step: PolicyStep; readonly number: number }) {
  const o = useWords().oncall
  return (
    <>
      <div className={styles.step}>
        <small>{o.step(number)}</small>
        <b>{[...step.schedules, ...step.people].join(', ')}</b>
        <small data-tone={step.reaches.length === 0 ? 'bad' : undefined}>
          {step.reaches.length === 0 ? o.reachesNobody : o.reaches(step.reaches.join(', '))}
        </small>
      </div>
      <div className={styles.arrow}>{o.waits(formatDuration(ms(step.waitSeconds * 1000)))}</div>
    </>
  )
}
