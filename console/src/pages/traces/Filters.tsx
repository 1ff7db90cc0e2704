import { Autocomplete, Button, Popover, Select, TextInput } from '@mantine/core'
import { IconFilterPlus, IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import {
  spanKinds,
  spanStatuses,
  traceAttributes,
  traceOperations,
  traceServices,
  traceValues,
} from '@/api/traces'
import { useMessages } from '@/i18n'
import { epochMs } from '@/lib/brand'
import { encodeTimePoint, resolveRange } from '@/lib/time'
import {
  conditionsOf,
  filterOf,
  filtersOf,
  guessed,
  literalOf,
  plain,
  scoped,
  withFilter,
  type Condition,
} from '@/lib/traceql/filter'
import { settledMs } from '@/state/live'
import { useTimeState } from '@/state/timeSearch'
import styles from './Filters.module.css'

interface FiltersProps {
  readonly query: string
  readonly onQuery: (query: string) => void
}

const noNames: readonly string[] = []

/** Asks what there is in the range; names change slowly. */
function useNames(key: readonly string[], ask: (signal: AbortSignal, range: RangeMs) => Promise<string[]>) {
  const { range, zone } = useTimeState()
  const asked = useQuery({
    queryKey: ['traces', 'names', ...key, encodeTimePoint(range.from), encodeTimePoint(range.to)],
    queryFn: ({ signal }) => ask(signal, resolveRange(range, epochMs(Date.now()), zone)),
    staleTime: settledMs / 3,
    retry: false,
  })
  return asked.data ?? noNames
}

interface RangeMs {
  readonly from: number
  readonly to: number
}

/** The most common conditions as controls; they read and write the query. */
export function Filters({ query, onQuery }: FiltersProps) {
  const f = useMessages('traces').traces.filters
  const conditions = conditionsOf(query)
  const filters = filtersOf(conditions ?? [])
  const services = useNames(['services'], (signal, range) => traceServices(range, signal))
  const service = filters.service
  const operations = useNames(['operations', service ?? ''], async (signal, range) =>
    service === null
      ? (await traceValues('name', '{ }', range, signal)).map(({ value }) => value)
      : traceOperations(service, range, signal),
  )
  if (conditions === null) {
    return (
      <p className={styles.note}>
        {f.beyond}
        <Button variant="subtle" onClick={() => onQuery('{ }')}>
          {f.reset}
        </Button>
      </p>
    )
  }
  const set = (slot: Parameters<typeof withFilter>[1]) => (value: string | null) =>
    onQuery(filterOf(withFilter(conditions, slot, value)))
  const withShown = (names: readonly string[], shown: string | null) =>
    shown === null || names.includes(shown) ? [...names] : [shown, ...names]
  return (
    <div className={styles.filters} role="group" aria-label={f.title}>
      <Select
        size="xs"
        w={150}
        searchable
        clearable
        limit={200}
        aria-label={f.service}
        placeholder={f.service}
        data={withShown(services, service)}
        value={service}
        onChange={set('service')}
        nothingFoundMessage={f.none}
        clearButtonProps={{ 'aria-label': f.clear(f.service) }}
      />
      <Select
        size="xs"
        w={190}
        searchable
        clearable
        limit={200}
        aria-label={f.operation}
        placeholder={f.operation}
        data={withShown(operations, filters.operation)}
        value={filters.operation}
        onChange={set('operation')}
        nothingFoundMessage={f.none}
        clearButtonProps={{ 'aria-label': f.clear(f.operation) }}
      />
      <Select
        size="xs"
        w={116}
        clearable
        aria-label={f.kind}
        placeholder={f.kind}
        data={spanKinds.map((kind) => ({ value: kind, label: f.kinds[kind] }))}
        value={filters.kind}
        onChange={set('kind')}
        clearButtonProps={{ 'aria-label': f.clear(f.kind) }}
      />
      <Select
        size="xs"
        w={104}
        clearable
        aria-label={f.status}
        placeholder={f.status}
        data={spanStatuses.map((status) => ({ value: status, label: f.statuses[status] }))}
        value={filters.status}
        onChange={set('status')}
        clearButtonProps={{ 'aria-label': f.clear(f.status) }}
      />
      <DurationField
        key={`min${filters.atLeast ?? ''}`}
        label={f.atLeast}
        hint="100ms"
        value={filters.atLeast}
        onChange={set('atLeast')}
      />
      <DurationField
        key={`max${filters.atMost ?? ''}`}
        label={f.atMost}
        hint="2s"
        value={filters.atMost}
        onChange={set('atMost')}
      />
      {filters.others.map((condition) => (
        <span key={`${condition.field}${condition.op}${condition.value}`} className={styles.chip}>
          <code>
            {condition.field} {condition.op} {plain(condition.value)}
          </code>
          <button
            type="button"
            aria-label={f.remove(`${condition.field} ${condition.op} ${plain(condition.value)}`)}
            onClick={() => onQuery(filterOf(conditions.filter((other) => other !== condition)))}
          >
            <IconX size={12} aria-hidden />
          </button>
        </span>
      ))}
      <AddAttribute
        filter={filterOf(conditions)}
        onAdd={(condition) => onQuery(filterOf([...conditions, condition]))}
      />
    </div>
  )
}

const durationText = /^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/

interface DurationFieldProps {
  readonly label: string
  readonly hint: string
  readonly value: string | null
  readonly onChange: (value: string | null) => void
}

function DurationField({ label, hint, value, onChange }: DurationFieldProps) {
  const f = useMessages('traces').traces.filters
  const [text, setText] = useState(value ?? '')
  const valid = text === '' || durationText.test(text)
  const commit = () => {
    if (valid && text !== (value ?? '')) onChange(text === '' ? null : text)
  }
  return (
    <TextInput
      size="xs"
      w={104}
      aria-label={label}
      placeholder={`${label} ${hint}`}
      value={text}
      error={valid ? null : f.durationInvalid}
      onChange={(event) => setText(event.currentTarget.value.trim())}
      onBlur={commit}
      onKeyDown={(event) => event.key === 'Enter' && commit()}
    />
  )
}

const ops = ['=', '!=', '=~', '!~', '>', '>=', '<', '<=']

interface AddAttributeProps {
  readonly filter: string
  readonly onAdd: (condition: Condition) => void
}

/** A condition on any attribute, its names and values completed from the spans there are. */
function AddAttribute({ filter, onAdd }: AddAttributeProps) {
  const f = useMessages('traces').traces.filters
  const [open, setOpen] = useState(false)
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-start" withinPortal trapFocus>
      <Popover.Target>
        <Button
          variant="subtle"
          color="gray"
          leftSection={<IconFilterPlus size={15} />}
          onClick={() => setOpen(!open)}
        >
          {f.attribute}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        {open && (
          <AttributeForm
            filter={filter}
            onAdd={(condition) => {
              setOpen(false)
              onAdd(condition)
            }}
          />
        )}
      </Popover.Dropdown>
    </Popover>
  )
}

function AttributeForm({ filter, onAdd }: AddAttributeProps) {
  const f = useMessages('traces').traces.filters
  const [field, setField] = useState('')
  const [op, setOp] = useState('=')
  const [text, setText] = useState('')
  const names = useNames(['attributes', filter], async (signal, range) =>
    (await traceAttributes(filter, range, signal)).flatMap(({ name, attributes }) =>
      name === 'intrinsic' ? [] : attributes.map((attribute) => scoped(name, attribute)),
    ),
  )
  const { range, zone } = useTimeState()
  const values = useQuery({
    queryKey: ['traces', 'attribute values', field, filter],
    enabled: names.includes(field),
    staleTime: settledMs,
    retry: false,
    queryFn: ({ signal }) =>
      traceValues(field, filter, resolveRange(range, epochMs(Date.now()), zone), signal),
  })
  const known = values.data ?? []
  const add = () => {
    const typed = known.find(({ value }) => value === text)
    if (field === '' || text === '') return
    onAdd({ field, op, value: typed === undefined ? guessed(text) : literalOf(typed.type, typed.value) })
  }
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault()
        add()
      }}
    >
      <Autocomplete
        size="xs"
        w={230}
        limit={100}
        data-autofocus
        label={f.name}
        placeholder="span.http.route"
        comboboxProps={{ withinPortal: false }}
        data={[...names]}
        value={field}
        onChange={setField}
      />
      <Select
        size="xs"
        w={72}
        label={f.op}
        data={ops}
        value={op}
        allowDeselect={false}
        comboboxProps={{ withinPortal: false }}
        onChange={(next) => setOp(next ?? '=')}
      />
      <Autocomplete
        size="xs"
        w={200}
        limit={100}
        label={f.value}
        comboboxProps={{ withinPortal: false }}
        data={[...new Set(known.map(({ value }) => value))]}
        value={text}
        onChange={setText}
      />
      <Button type="submit" disabled={field === '' || text === ''}>
        {f.add}
      </Button>
    </form>
  )
}
