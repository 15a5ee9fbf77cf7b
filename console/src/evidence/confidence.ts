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
