/** What comes after review: clocks, engineers, visits, bills. */

import { api, apiUrl } from './client'
import type { Bilingual, Bill, Clock, EngineerCandidate, Page, Part, VisitRow } from './types'

export interface Completion {
  parts: { code: string; count: number }[]
  checklist: { item: Bilingual; done: boolean }[]
  note: string
  /** A PNG as data URL. */
  signature: string
}

export const service = {
  clocks: async (id: number) => (await api.get<Page<Clock>>(`tickets/${id}/clocks`)).items,
  candidates: async (id: number) => (await api.get<Page<EngineerCandidate>>(`tickets/${id}/candidates`)).items,
  assign: (id: number, engineer?: number) => api.post(`tickets/${id}/assign`, engineer === undefined ? {} : { engineer }),
  complete: (id: number, completion: Completion) => api.post(`tickets/${id}/complete`, completion),
  /** The signed-in engineer's visits that are not over. */
  visits: async () => (await api.get<Page<VisitRow>>('visits', { engineer: 'me' })).items,
  parts: async () => (await api.get<Page<Part>>('parts')).items,
  bill: (id: number) => api.get<Bill>(`tickets/${id}/bill`),
  billUrl: (id: number) => apiUrl(`bills/${id}.pdf`),
  /** Takes what is owed. */
  pay: (id: number, method: string) => api.post<Bill>(`tickets/${id}/pay`, { method }),
  addPhoto: (id: number, photo: Blob, name: string) => api.upload(`tickets/${id}/photos`, photo, name),
}
