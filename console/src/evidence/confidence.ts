/** How sure the machine was, in the three grades that the console shows. */

import type { TicketField } from '../api/types'

export type Grade = 'sure' | 'fair' | 'low'

const FAIR = 0.6
const SURE = 0.85

export function grade(confidence: number): Grade {
  if (confidence >= SURE) return 'sure'
  return confidence >= FAIR ? 'fair' : 'low'
}

/** Of several findings of one name the one that counts: an agent's first, then the surest. */
export function counting(fields: TicketField[], name: string): TicketField | undefined {
  return fields
    .filter((field) => field.name === name && !field.removed)
    .sort((a, b) => Number(!!b.corrected_at) - Number(!!a.corrected_at) || b.confidence - a.confidence)[0]
}

/** The value that counts now. */
export function currentValue(field: TicketField | undefined): string {
  return field ? (field.current ?? field.corrected_value ?? field.value) : ''
}

/** Whether two values of a field say the same: +86 138 0013 8000 is 13800138000. */
export function sameValue(name: string, one: string, other: string): boolean {
  if (name !== 'phone') return one.trim() === other.trim()
  const bare = (value: string): string => value.replace(/\D/g, '').replace(/^(?:00)?86(?=1\d{10}$|0?[2-9]\d{8,})/, '')
  return bare(one) === bare(other)
}
