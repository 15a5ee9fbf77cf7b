/** Signing in and out. */

import { api, ApiError } from './client'
import type { User } from './types'

export const session = {
  signIn: async (login: string, password: string) => (await api.post<{ user: User }>('session', { login, password })).user,
  signOut: () => api.remove('session'),
  /** Who is signed in, or null. */
  current: async (): Promise<User | null> => {
    try {
      return (await api.get<{ user: User }>('session')).user
    } catch (error) {
      if (error instanceof ApiError && (error.status === 401 || error.status === 403)) return null
      throw error
    }
  },
}
