/** Exactly one object in the page: a channel to the host, and the menu's actions. It knows nothing of either's content. */
import { contextBridge, ipcRenderer } from 'electron'

contextBridge.exposeInMainWorld('kubedrill', {
  post: (message: unknown) => ipcRenderer.send('host', message),
  onMessage: (listener: (message: unknown) => void) => {
    ipcRenderer.on('host', (_event, message: unknown) => listener(message))
  },
  onAction: (listener: (action: string) => void) => {
    ipcRenderer.on('action', (_event, action: unknown) => {
      if (typeof action === 'string') listener(action)
    })
  },
})
