/**
 * The framing of exec, attach and port-forward after `101 Switching Protocols`: each message is `CHANNEL LENGTH\n` and LENGTH bytes. It stands for
 * SPDY and WebSocket framing, which nobody looks into here; channels are numbered as in v5.channel.k8s.io.
 */
import { byteLength } from '#base/bytes.ts'
import { charactersWithin } from '#base/http.ts'
import type { Wire } from './secure.ts'
import type { WireChannels } from './transport.ts'

export function encodeFrame(channel: number, data: string): string {
  return `${channel} ${byteLength(data)}\n${data}`
}

/** Takes whole frames off the front of `buffer`. */
function decodeFrames(buffer: string): { readonly frames: readonly { readonly channel: number; readonly data: string }[]; readonly rest: string } {
  const frames: { channel: number; data: string }[] = []
  let rest = buffer
  for (;;) {
    const m = /^(\d+) (\d+)\n/.exec(rest)
    if (!m) return { frames, rest }
    const body = rest.slice(m[0].length)
    const length = Number(m[2])
    const n = charactersWithin(body, length)
    if (byteLength(body.slice(0, n)) < length) return { frames, rest }
    frames.push({ channel: Number(m[1]), data: body.slice(0, n) })
    rest = body.slice(n)
  }
}

export function channelsOver(wire: Wire): WireChannels {
  let buffer = ''
  const ready: { channel: number; data: string }[] = []
  return {
    send: (channel, data) => wire.write(encodeFrame(channel, data)),
    read: async () => {
      for (;;) {
        const frame = ready.shift()
        if (frame) return frame
        const part = await wire.read()
        if (part === undefined) return undefined
        const decoded = decodeFrames(buffer + part)
        buffer = decoded.rest
        ready.push(...decoded.frames)
      }
    },
    close: () => wire.close(),
  }
}
