/** Who is signed in, for every page. */

import { computed, reactive } from 'vue'
import { session as api, type First } from '../api/session'
import type { User } from '../api/types'
import { chosenLanguage, setLanguage } from '../messages'
import { feed } from './live'

const state = reactive({ user: null as User | null, known: false, empty: false })

export const user = computed(() => state.user)
/** Nobody can sign in yet: the first administrator is still to be made. */
export const empty = computed(() => state.empty)

/** Asks the server once whether a session is there. */
export async function findSession(): Promise<User | null> {
  if (!state.known) {
    const found = await api.current()
    state.empty = found.empty
    welcome(found.user)
  }
  return state.user
}

export async function signIn(login: string, password: string): Promise<void> {
  welcome(await api.signIn(login, password))
}

export async function makeFirst(first: First): Promise<void> {
  welcome(await api.makeFirst(first))
  state.empty = false
}

export async function signOut(): Promise<void> {
  try {
    await api.signOut()
  } finally {
    forgetSession()
  }
}

/** The session is over; the next page asks to sign in. */
export function forgetSession(): void {
  state.user = null
  state.known = true
  feed.stop()
}

/** Whether the signed-in user may do this; without a list of permissions the server alone decides. */
export function may(permission: string): boolean {
  const permissions = state.user?.permissions
  return state.user !== null && (permissions === undefined || permissions.includes(permission))
}

function welcome(found: User | null): void {
  state.user = found
  state.known = true
  if (!found) return
  if (!chosenLanguage() && (found.language === 'zh' || found.language === 'en')) void setLanguage(found.language, false)
  feed.start()
}
