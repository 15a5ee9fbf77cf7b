/** Who acted: a colleague by name, the customer, or the room of the program that did it. */

import { i18n } from '../messages'

export function authorName(actor: string, name = ''): string {
  if (name) return name
  const id = /^user:(\d+)$/.exec(actor)?.[1]
  if (id !== undefined) return i18n.global.t('author.user', { id })
  const key = `author.${actor}`
  return i18n.global.te(key, 'zh') ? i18n.global.t(key) : actor
}
