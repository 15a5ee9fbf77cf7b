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
  signature: string
  photos: string[]
}

export const service = {
  clocks: async (id: number) => items(await api.get<Clock[] | Page<Clock>>(`tickets/${id}/clocks`)),
  candidates: async (id: number) =>
    items(await api.get<EngineerCandidate[] | Page<EngineerCandidate>>(`tickets/${id}/candidates`)),
  assign: (id: number, engineer?: number) => api.post(`tickets/${id}/assign`, engineer === undefined ? {} : { engineer }),
  complete: (id: number, completion: Completion) => api.post(`tickets/${id}/complete`, completion),
  visits: async () => items(await api.get<TicketBrief[] | Page<TicketBrief>>('visits', { engineer: 'me' })),
  parts: async () => items(await api.get<Part[] | Page<Part>>('parts')),
  bill: (id: number) => api.get<Bill>(`tickets/${id}/bill`),
  billUrl: (id: number) => apiUrl(`bills/${id}.pdf`),
  pay: (id: number) => api.post(`tickets/${id}/pay`),
}
