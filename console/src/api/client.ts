/**
 * One way to the server: JSON in, JSON out, errors as `ApiError`.
 *
 * The session is a cookie that scripts cannot read; the `X-Hotline` header on every call tells the server that the call
 * came from this console and not from another site's form.
 */

export type Query = Record<string, string | number | boolean | undefined | null>

/** What the server answered instead of what was asked for. `status` 0: it did not answer. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: Record<string, unknown> = {},
  ) {
    super(message)
    this.name = 'ApiError'
  }
}

let signedOut: () => void = () => {}

/** Says what to do when the server no longer knows the session. */
export function whenSignedOut(action: () => void): void {
  signedOut = action
}

/** The server ended the session, however it said so. */
export function signedOutByServer(): void {
  signedOut()
}

/** The API's address, relative to where the console is served, so that a proxy's prefix is kept. */
export function apiUrl(path: string, query: Query = {}): string {
  const url = new URL(`../api/v1/${path.replace(/^\//, '')}`, document.baseURI)
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') url.searchParams.set(name, String(value))
  }
  return url.toString()
}

export const api = {
  get: <T>(path: string, query?: Query) => call<T>('GET', path, undefined, query),
  post: <T = unknown>(path: string, body: unknown = {}) => call<T>('POST', path, body),
  put: <T = unknown>(path: string, body: unknown) => call<T>('PUT', path, body),
  patch: <T = unknown>(path: string, body: unknown) => call<T>('PATCH', path, body),
  remove: <T = unknown>(path: string) => call<T>('DELETE', path),
  /** Sends one file as a form does. */
  upload: <T = unknown>(path: string, file: Blob, name: string) => {
    const form = new FormData()
    form.append('file', file, name)
    return call<T>('POST', path, form)
  },
}

async function call<T>(method: string, path: string, body?: unknown, query?: Query): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json', 'X-Hotline': '1' }
  const form = body instanceof FormData
  if (body !== undefined && !form) headers['Content-Type'] = 'application/json'
  let response: Response
  try {
    response = await fetch(apiUrl(path, query), {
      method,
      headers,
      credentials: 'same-origin',
      body: form ? body : body === undefined ? null : JSON.stringify(body),
    })
  } catch {
    throw new ApiError(0, 'unreachable', '')
  }
  const content = await parsed(response)
  if (response.ok) return content as T
  const problem = (content ?? {}) as { error?: string; message?: string; details?: Record<string, unknown> }
  if (response.status === 401 && path !== 'session') signedOut()
  throw new ApiError(response.status, problem.error ?? 'error', problem.message ?? '', problem.details ?? {})
}

async function parsed(response: Response): Promise<unknown> {
  const text = await response.text()
  if (!text) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
