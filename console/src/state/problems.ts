/** Telling people what went wrong, in their language. */

import { ElMessage } from 'element-plus'
import 'element-plus/es/components/message/style/css'
import { ApiError } from '../api/client'
import { i18n } from '../messages'
import { named } from './names'

export function problemText(error: unknown): string {
  const t = i18n.global.t
  if (!(error instanceof ApiError)) return t('problem.error')
  if (error.code === 'conflict' && typeof error.details.version === 'number') return t('problem.stale')
  const key = `problem.${error.code}`
  const text = i18n.global.te(key, 'zh') ? t(key) : error.message || t('problem.error')
  return error.code === 'invalid' ? text + what(error.details) : text
}

/** Which values were not accepted. */
function what(details: Record<string, unknown>): string {
  const names = Array.isArray(details.missing) ? details.missing : [details.field ?? Object.keys(details)[0]]
  const known = names.filter((name): name is string => typeof name === 'string').map((name) => named('field', name))
  return known.length > 0 ? ` (${known.join(', ')})` : ''
}

export function tell(error: unknown): void {
  ElMessage({ type: 'error', message: problemText(error), duration: 6000, showClose: true })
}

export function done(text: string): void {
  ElMessage({ type: 'success', message: text, duration: 2500 })
}
