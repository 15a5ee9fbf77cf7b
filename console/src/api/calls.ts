/** Calls that are going on, what is understood of them, and the telephones of those who take them. */

import { api } from './client'
import type { Call, CallFields, Page, Phone } from './types'

export const calls = {
  all: async () => (await api.get<Page<Call>>('calls')).items,
  fields: (session: string) => api.get<CallFields>(`calls/${session}/fields`),
  /** take, hold, private, transfer, transfer/complete, transfer/cancel, listen, whisper, hang-up. */
  act: (session: string, what: string, body: Record<string, unknown> = {}) =>
    api.post(`calls/${session}/${what}`, Object.keys(body).length > 0 ? body : undefined),
  stopListening: (session: string) => api.remove(`calls/${session}/listen`),
  /** Has the customer of a ticket called, as soon as an agent is free. */
  callCustomer: (ticket: number) => api.post(`tickets/${ticket}/calls`, { purpose: 'call back' }),
  phones: async () => (await api.get<Page<Phone>>('phones')).items,
  sayState: (user: number, state: string) => api.put<Phone>(`users/${user}/phone/state`, { state }),
  setPhone: (user: number, address: string) => api.put<Phone>(`users/${user}/phone`, { address }),
  removePhone: (user: number) => api.remove(`users/${user}/phone`),
}
