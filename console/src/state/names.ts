/** The words for what the server names by code. An unknown code is shown as it is. */

import type { Bilingual } from '../api/types'
import { i18n } from '../messages'

export type Vocabulary = 'state' | 'service' | 'urgency' | 'channel' | 'field' | 'intent' | 'sentiment' | 'role' | 'event' | 'action' | 'component' | 'clock' | 'clockState' | 'speaker' | 'notice' | 'noticeState' | 'billState' | 'lineKind' | 'payMethod' | 'why' | 'wish' | 'attention' | 'phoneState' | 'callStage'

export function named(vocabulary: Vocabulary, code: string): string {
  const key = `${vocabulary}.${code.replace(/[^A-Za-z0-9]/g, '_')}`
  return i18n.global.te(key) || i18n.global.te(key, 'zh') ? i18n.global.t(key) : code
}

/** A text of the server in the language that is shown. */
export function localised(text: Partial<Bilingual> | string | null | undefined): string {
  if (!text) return ''
  if (typeof text === 'string') return text
  return (i18n.global.locale.value === 'en' ? text.en : text.zh) || text.zh || text.en || ''
}
