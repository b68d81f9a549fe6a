/**
 * The desktop host: one instance, one window, the built interface over app://, HostApi over IPC. The page is sandboxed and isolated, may
 * go nowhere else, open nothing and ask for nothing but to write to the clipboard.
 */
import { app, BrowserWindow, ipcMain, Menu, protocol, screen, session, type WebContents } from 'electron'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { serve } from '#contract/channel.ts'
import type { HostEvents, HostMethods } from '#contract/host-api.ts'
import { defaultDataDir } from '#host/data-dir.ts'
import { openHost, type Host } from '#host/host.ts'
import { contentSecurityPolicy } from '#host/policy.ts'
import { readStatic } from '#host/static.ts'
import { menuTemplate } from './menu.ts'
import { keepWindowState, readWindowState } from './window-state.ts'

const origin = 'app://kubedrill'
/** dist/electron → the project, or the packaged app's resources. */
const root = app.isPackaged ? process.resourcesPath : join(__dirname, '../..')
const uiDir = app.isPackaged ? join(app.getAppPath(), 'dist/ui') : join(root, 'dist/ui')
const dataDir = process.env['KUBEDRILL_DATA'] ?? defaultDataDir()

let window: BrowserWindow | undefined
let host: Host | undefined

protocol.registerSchemesAsPrivileged([{ scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } }])

const isOurs = (url: string): boolean => url === origin || url.startsWith(`${origin}/`)

/** Whether a message comes from the page that we opened, and from its top frame. */
function isTrusted(sender: WebContents, frameUrl: string | undefined): boolean {
  return window !== undefined && sender === window.webContents && frameUrl !== undefined && isOurs(frameUrl)
}

async function answerFile(request: Request): Promise<Response> {
  const url = new URL(request.url)
  const file = request.method === 'GET' && url.host === 'kubedrill' ? await readStatic(uiDir, url.pathname) : undefined
  if (!file) return new Response('Not found.', { status: 404 })
  return new Response(new Uint8Array(file.body), { headers: { 'Content-Type': file.type, 'Content-Security-Policy': contentSecurityPolicy, 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-cache' } })
}

function lockPermissions(): void {
  const allowed = new Set(['clipboard-sanitized-write'])
  session.defaultSession.setPermissionRequestHandler((contents, permission, answer, details) => answer(allowed.has(permission) && isTrusted(contents, details.requestingUrl)))
  session.defaultSession.setPermissionCheckHandler((_contents, permission, requestingOrigin) => allowed.has(permission) && isOurs(requestingOrigin.replace(/\/$/, '')))
  session.defaultSession.setDevicePermissionHandler(() => false)
  // Nothing is fetched: the interface is complete in itself.
  session.defaultSession.webRequest.onBeforeRequest((details, answer) => answer({ cancel: !/^(app|blob|data|devtools):/.test(details.url) }))
}

function carryHost(methods: Host): void {
  const listeners: ((message: unknown) => void)[] = []
  ipcMain.on('host', (event, message: unknown) => {
    if (isTrusted(event.sender, event.senderFrame?.url)) for (const listener of listeners) listener(message)
  })
  const { emit } = serve<HostMethods, HostEvents>(
    {
      post: (message) => {
        if (window && !window.isDestroyed()) window.webContents.send('host', message)
      },
      onMessage: (listener) => listeners.push(listener),
    },
    methods.methods,
  )
  methods.notice.on((notice) => emit('notice', notice))
}

function openWindow(): void {
  const state = readWindowState(dataDir, screen.getAllDisplays().map((d) => d.workArea))
  window = new BrowserWindow({
    ...state.bounds,
    minWidth: 720,
    minHeight: 480,
    show: false,
    title: 'Kubedrill',
    backgroundColor: '#14171d',
    webPreferences: { preload: join(__dirname, 'preload.cjs'), sandbox: true, contextIsolation: true, nodeIntegration: false, webviewTag: false, spellcheck: false },
  })
  if (state.maximized) window.maximize()
  keepWindowState(window, dataDir)
  window.once('ready-to-show', () => window?.show())
  window.on('closed', () => (window = undefined))
  void window.loadURL(`${origin}/`)
}

app.on('web-contents-created', (_event, contents) => {
  contents.setWindowOpenHandler(() => ({ action: 'deny' }))
  contents.on('will-navigate', (event) => {
    if (!isOurs(event.url)) event.preventDefault()
  })
  contents.on('will-redirect', (event) => {
    if (!isOurs(event.url)) event.preventDefault()
  })
  contents.on('will-attach-webview', (event) => event.preventDefault())
})

if (!app.requestSingleInstanceLock()) app.quit()
else {
  app.on('second-instance', () => {
    if (window?.isMinimized()) window.restore()
    window?.focus()
  })
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit()
  })
  app.on('activate', () => {
    if (!window) openWindow()
  })
  app.on('quit', () => host?.close())
  void app.whenReady().then(() => {
    if (!existsSync(uiDir)) throw new Error(`${uiDir} does not exist: run npm run build`)
    protocol.handle('app', answerFile)
    lockPermissions()
    host = openHost({ contentDir: root, dataDir })
    carryHost(host)
    Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate((action) => window?.webContents.send('action', action))))
    openWindow()
  })
}
