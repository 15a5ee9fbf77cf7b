/** An event's details in words. */

import type { Bilingual, TimelineItem } from '../api/types'
import { i18n } from '../messages'
import { localised, named } from './names'
import { moment, yuan } from './time'

export function said(item: TimelineItem): string {
  const t = i18n.global.t
  const details = item.details
  const text = (name: string): string => (typeof details[name] === 'string' ? (details[name] as string) : '')
  switch (item.kind) {
    case 'ticket.field_corrected':
      return `${named('field', text('name'))}${t('common.colon')}${text('before') || '∅'} → ${text('after') || '∅'}`
    case 'ticket.wished':
    case 'ticket.left':
      return named('wish', text('wish'))
    case 'ticket.rescheduled':
      return `${text('before') || '∅'} → ${text('after') || '∅'}`
    case 'ticket.priority_changed':
      return `${String(details.before)} → ${String(details.after)}`
    case 'ticket.merged':
      return text('into_number')
    case 'settlement.billed':
    case 'settlement.paid':
      return typeof details.total === 'number' ? yuan(details.total) : ''
  }
  if (item.kind.startsWith('notice.')) {
    return [named('noticeState', text('state')), named('channel', text('sent_by')), text('error')].filter(Boolean).join(' · ')
  }
  if (item.kind.startsWith('sla.')) {
    const due = text('due')
    return [named('clock', text('clock') || text('name')), due && t('clocks.due', { time: moment(due) })].filter(Boolean).join(' · ')
  }
  if (item.kind.startsWith('entry.')) return named('channel', text('channel').split(':')[0] ?? '')
  return reasons(details)
}

/** Reasons as the rooms give them: {text: {zh, en}} or {zh, en}, alone or in a list. */
function reasons(details: Record<string, unknown>): string {
  const given = Array.isArray(details.reasons) ? details.reasons : []
  return given
    .map((reason: unknown) => {
      if (typeof reason !== 'object' || reason === null) return typeof reason === 'string' ? reason : ''
      return localised(('text' in reason ? reason.text : reason) as Bilingual | string)
    })
    .filter(Boolean)
    .join(i18n.global.t('common.comma'))
}
