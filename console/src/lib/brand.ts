/** Numbers that carry their unit in the type, so that seconds never meet milliseconds by accident. */
declare const unit: unique symbol
type Branded<Name extends string> = number & { readonly [unit]: Name }

export type Milliseconds = Branded<'ms'>
export type Seconds = Branded<'s'>
export type Bytes = Branded<'bytes'>
/** An instant: milliseconds since the Unix epoch. */
export type EpochMs = Branded<'epoch-ms'>

export const ms = (value: number): Milliseconds => value as Milliseconds
export const seconds = (value: number): Seconds => value as Seconds
export const bytes = (value: number): Bytes => value as Bytes
export const epochMs = (value: number): EpochMs => value as EpochMs

export const toSeconds = (value: Milliseconds | EpochMs): Seconds => seconds(value / 1000)
