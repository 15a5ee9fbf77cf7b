/** Forms, customers, assets and users. */

import { api, type Query } from './client'
import type { Asset, Customer, Form, Page, User } from './types'

function items<T>(answer: T[] | Page<T>): T[] {
  return Array.isArray(answer) ? answer : answer.items
}

export const directory = {
  forms: async () => items(await api.get<Form[] | Page<Form>>('forms')),
  form: (service: string) => api.get<Form>(`forms/${encodeURIComponent(service)}`),
  customers: (query: Query) => api.get<Page<Customer>>('customers', query),
  customer: (id: number) => api.get<Customer>(`customers/${id}`),
  changeCustomer: (id: number, change: Record<string, string>) => api.patch<Customer>(`customers/${id}`, change),
  /** From now on `into` counts for both. */
  join: (id: number, into: number) => api.post<Customer>(`customers/${id}/join`, { into }),
  takeApart: (id: number) => api.remove<Customer>(`customers/${id}/join`),
  assets: (query: Query) => api.get<Page<Asset>>('assets', query),
  users: async () => items(await api.get<User[] | Page<User>>('users')),
  addUser: (user: Record<string, unknown>) => api.post<User>('users', user),
  changeUser: (id: number, change: Record<string, unknown>) => api.patch<User>(`users/${id}`, change),
  setPassword: (id: number, password: string) => api.post(`users/${id}/password`, { password }),
}
