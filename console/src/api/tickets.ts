/** Tickets: reading, reviewing, talking to the customer. */

import { api, apiUrl, type Query } from './client'
import type { Page, Ticket, TicketBrief, TimelineItem, Unmasked, Urgency } from './types'

export interface Confirmation {
  version: number
  fields: Record<string, string | null>
  service?: string
  urgency?: Urgency
  customer_id?: number
  /** Confirm although required fields are missing. */
  incomplete?: boolean
}

export const tickets = {
  list: (query: Query) => api.get<Page<TicketBrief>>('tickets', query),
  counts: () => api.get<Record<string, number>>('tickets/counts'),
  read: (id: number) => api.get<Ticket>(`tickets/${id}`),
  timeline: async (id: number) => (await api.get<{ items: TimelineItem[] }>(`tickets/${id}/timeline`)).items,
  confirm: (id: number, confirmation: Confirmation) => api.post<Ticket>(`tickets/${id}/confirm`, confirmation),
  correct: (id: number, version: number, fields: Record<string, string | null>) =>
    api.patch<Ticket>(`tickets/${id}/fields`, { version, fields }),
  /** claim, discard, ask, merge ...: what a ticket's `actions` name. */
  act: (id: number, action: string, body: Record<string, unknown> = {}) => api.post<Ticket>(`tickets/${id}/${action}`, body),
  /** The ticket is on the screen, up to this entry. */
  opened: (id: number, entry: number) => api.post(`tickets/${id}/opened`, { entry }),
  /** How many tickets under way wait for somebody's eye. */
  attention: async () => (await api.get<Page<TicketBrief>>('tickets', { attention: 'any', total: true, limit: 1 })).total ?? 0,
  unmask: (id: number, reason: string) => api.post<Unmasked>(`tickets/${id}/unmask`, { reason }),
}

/** A URL the server names is followed only within the server itself. */
export function ownUrl(url: string | null | undefined): string | undefined {
  if (!url) return undefined
  const resolved = new URL(url.startsWith('/api/v1/') ? apiUrl('') + url.slice('/api/v1/'.length) : url, apiUrl(''))
  return resolved.origin === new URL(document.baseURI).origin ? resolved.toString() : undefined
}
