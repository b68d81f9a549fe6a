import { expect, test } from 'vitest'
import { formatRoute, parseRoute, type Route } from './route.ts'

test('every route survives its address', () => {
  const routes: Route[] = [
    { page: 'home' }, { page: 'settings' }, { page: 'help' }, { page: 'sandbox' }, { page: 'lesson', id: '01-net/02-services' },
    { page: 'lab', id: 'svc no endpoints?' }, { page: 'exam', id: 'mock-1' }, { page: 'report', index: 3 }, { page: 'reference', id: 'networkpolicy' },
  ]
  expect(routes.map((r) => parseRoute(formatRoute(r)))).toEqual(routes)
})
test('what is no page is home', () => {
  expect(['', '#', '#/lab', '#/report/x', '#/nowhere/1', '#/%E0%A4%A'].map((h) => parseRoute(h).page)).toEqual(Array(6).fill('home'))
})
