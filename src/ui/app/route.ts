/** Addresses of pages, kept in the hash so that they are the same over app:// and http://. */
export type Route =
  | { readonly page: 'home' | 'settings' | 'help' | 'sandbox' }
  | { readonly page: 'reference'; readonly id: string }
  | { readonly page: 'lesson' | 'lab'; readonly id: string }
  | { readonly page: 'exam'; readonly id: string }
  | { readonly page: 'report'; readonly index: number }

export function parseRoute(hash: string): Route {
  const [page = '', ...rest] = hash.replace(/^#\/?/, '').split('/').map(decode)
  const id = rest.join('/')
  if ((page === 'lesson' || page === 'lab' || page === 'exam') && id !== '') return { page, id }
  if (page === 'report' && /^\d+$/.test(id)) return { page, index: Number(id) }
  if (page === 'reference') return { page, id }
  if (page === 'settings' || page === 'help' || page === 'sandbox') return { page }
  return { page: 'home' }
}

export function formatRoute(route: Route): string {
  const tail = 'id' in route ? route.id : 'index' in route ? String(route.index) : ''
  const path = tail === '' ? route.page : `${route.page}/${tail.split('/').map(encodeURIComponent).join('/')}`
  return `#/${route.page === 'home' ? '' : path}`
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
