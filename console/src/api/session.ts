/** Signing in and out. */

import { api, ApiError } from './client'
import type { User } from './types'

export interface First {
  code: string
  name: string
  login: string
  password: string
}

export const session = {
  signIn: async (login: string, password: string) => (await api.post<{ user: User }>('session', { login, password })).user,
  signOut: () => api.remove('session'),
  /** Makes the first administrator of an installation and signs in. */
  makeFirst: async (first: First) => (await api.post<{ user: User }>('session/first', first)).user,
  /** Who is signed in; `empty`: nobody can sign in yet, the first administrator is still to be made. */
  current: async (): Promise<{ user: User | null; empty: boolean }> => {
    try {
      return { user: (await api.get<{ user: User }>('session')).user, empty: false }
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error
      return { user: null, empty: error.details.first_administrator === true }
    }
  },
}
