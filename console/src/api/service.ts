/** What comes after review: clocks, engineers, visits, bills. */

import { api, apiUrl } from './client'
import type { Bill, Clock, EngineerCandidate, Page, Part, TicketBrief } from './types'

function items<T>(answer: T[] | Page<T>): T[] {
  return Array.isArray(answer) ? answer : answer.items
}

export interface Completion {
  parts: { code: string; count: number }[]
  labour: string[]
  note: string
  /** base64 of a PNG */
  signature: string
  /** content: base64 of a JPEG */
  photos: { name: string; content: string }[]
}

export const service = {
  clocks: async (id: number) => items(await api.get<Clock[] | Page<Clock>>(`tickets/${id}/clocks`)),
  candidates: async (id: number) =>
    items(await api.get<EngineerCandidate[] | Page<EngineerCandidate>>(`tickets/${id}/candidates`)),
  assign: (id: number, engineer?: number) => api.post(`tickets/${id}/assign`, engineer === undefined ? {} : { engineer }),
  complete: (id: number, completion: Completion) => api.post(`tickets/${id}/complete`, completion),
  /** The tickets an engineer has still to do. */
  visits: async (engineer: number) =>
    items(await api.get<Page<TicketBrief>>('tickets', { assignee: engineer, state: 'assigned,accepted,on_site,waiting', sort: 'priority', limit: 100 })),
  parts: async () => items(await api.get<Part[] | Page<Part>>('parts')),
  bill: (id: number) => api.get<Bill>(`tickets/${id}/bill`),
  billUrl: (id: number) => apiUrl(`bills/${id}.pdf`),
  pay: (id: number, payment: { amount: number; method: string; reference: string }) => api.post(`tickets/${id}/pay`, payment),
}
