/** Times as people read them. "Now" moves every ten seconds, for ages and remaining times. */

import { ref } from 'vue'
import { i18n } from '../messages'

export const now = ref(Date.now())
setInterval(() => (now.value = Date.now()), 10_000)

/** Minutes as "3 天 4 小时", at most two units. */
export function duration(minutes: number): string {
  const t = i18n.global.t
  const whole = Math.max(0, Math.floor(Math.abs(minutes)))
  const days = Math.floor(whole / 1440)
  const hours = Math.floor((whole % 1440) / 60)
  const rest = whole % 60
  if (days > 0) return hours ? `${t('time.days', days)} ${t('time.hours', hours)}` : t('time.days', days)
  if (hours > 0) return rest ? `${t('time.hours', hours)} ${t('time.minutes', rest)}` : t('time.hours', hours)
  return rest > 0 ? t('time.minutes', rest) : t('time.moment')
}

/** How long ago something was. */
export function age(at: string): string {
  return duration((now.value - Date.parse(at)) / 60_000)
}

/** A moment, with the day only where it is another one. */
export function moment(at: string | null | undefined): string {
  if (!at) return ''
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return at
  const locale = i18n.global.locale.value
  const sameDay = date.toDateString() === new Date(now.value).toDateString()
  const options: Intl.DateTimeFormatOptions = sameDay
    ? { hour: '2-digit', minute: '2-digit' }
    : { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' }
  return new Intl.DateTimeFormat(locale === 'zh' ? 'zh-CN' : 'en-GB', { hour12: false, ...options }).format(date)
}

/** A window of time: the day once, if it begins and ends on the same. */
export function period(start: string, end: string): string {
  if (!start || !end) return moment(start || end)
  const locale = i18n.global.locale.value === 'zh' ? 'zh-CN' : 'en-GB'
  const from = new Date(start)
  const to = new Date(end)
  if (Number.isNaN(from.getTime()) || Number.isNaN(to.getTime()) || from > to) return `${start} – ${end}`
  const hours = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hour12: false })
  const days = new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric', weekday: 'short' })
  if (from.toDateString() === to.toDateString()) return `${days.format(from)} ${hours.format(from)}–${hours.format(to)}`
  return `${days.format(from)} ${hours.format(from)} – ${days.format(to)} ${hours.format(to)}`
}

/** The moment in full, for tooltips. */
export function fullMoment(at: string | null | undefined): string {
  if (!at) return ''
  const locale = i18n.global.locale.value === 'zh' ? 'zh-CN' : 'en-GB'
  return new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'medium' }).format(new Date(at))
}

/** ms in a recording as 1:05. */
export function clockTime(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** Whole fen as yuan. */
export function yuan(fen: number): string {
  return new Intl.NumberFormat('zh-CN', { style: 'currency', currency: 'CNY' }).format(fen / 100)
}
