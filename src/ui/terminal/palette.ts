/** The terminal's sixteen colours, of the same family as the interface's tokens (styles/tokens.css), for each theme. */
import type { ITheme } from '@xterm/xterm'

type Family = Record<'background' | 'foreground' | 'cursor' | 'selectionBackground' | 'black' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan' | 'white' | 'brightBlack' | 'brightRed' | 'brightGreen' | 'brightYellow' | 'brightBlue' | 'brightMagenta' | 'brightCyan' | 'brightWhite', string>

const families: Record<'light' | 'dark' | 'contrast', Family> = {
  light: {
    background: 'oklch(0.99 0.003 255)', foreground: 'oklch(0.26 0.02 260)', cursor: 'oklch(0.52 0.17 262)', selectionBackground: 'oklch(0.87 0.06 262)',
    black: 'oklch(0.26 0.02 260)', red: 'oklch(0.48 0.18 25)', green: 'oklch(0.46 0.12 150)', yellow: 'oklch(0.5 0.11 75)', blue: 'oklch(0.46 0.17 262)', magenta: 'oklch(0.48 0.17 325)', cyan: 'oklch(0.48 0.09 215)', white: 'oklch(0.55 0.015 258)',
    brightBlack: 'oklch(0.5 0.015 258)', brightRed: 'oklch(0.52 0.21 25)', brightGreen: 'oklch(0.5 0.14 150)', brightYellow: 'oklch(0.53 0.12 75)', brightBlue: 'oklch(0.52 0.18 262)', brightMagenta: 'oklch(0.53 0.19 325)', brightCyan: 'oklch(0.52 0.1 215)', brightWhite: 'oklch(0.3 0.02 260)',
  },
  dark: {
    background: 'oklch(0.168 0.011 262)', foreground: 'oklch(0.91 0.008 258)', cursor: 'oklch(0.78 0.12 258)', selectionBackground: 'oklch(0.4 0.08 262)',
    black: 'oklch(0.3 0.015 262)', red: 'oklch(0.73 0.15 25)', green: 'oklch(0.79 0.14 152)', yellow: 'oklch(0.84 0.12 85)', blue: 'oklch(0.75 0.12 258)', magenta: 'oklch(0.77 0.13 325)', cyan: 'oklch(0.82 0.09 210)', white: 'oklch(0.85 0.008 258)',
    brightBlack: 'oklch(0.65 0.018 258)', brightRed: 'oklch(0.79 0.13 25)', brightGreen: 'oklch(0.86 0.14 152)', brightYellow: 'oklch(0.89 0.12 88)', brightBlue: 'oklch(0.82 0.1 258)', brightMagenta: 'oklch(0.83 0.12 325)', brightCyan: 'oklch(0.88 0.08 210)', brightWhite: 'oklch(0.97 0.004 258)',
  },
  contrast: {
    background: '#000000', foreground: '#ffffff', cursor: 'oklch(0.88 0.15 100)', selectionBackground: 'oklch(0.45 0.12 262)',
    black: '#404040', red: 'oklch(0.78 0.15 25)', green: 'oklch(0.88 0.18 150)', yellow: 'oklch(0.92 0.15 100)', blue: 'oklch(0.82 0.1 258)', magenta: 'oklch(0.84 0.12 325)', cyan: 'oklch(0.9 0.09 210)', white: '#ffffff',
    brightBlack: '#c8c8c8', brightRed: 'oklch(0.83 0.12 25)', brightGreen: 'oklch(0.93 0.15 150)', brightYellow: 'oklch(0.95 0.13 100)', brightBlue: 'oklch(0.88 0.08 258)', brightMagenta: 'oklch(0.9 0.09 325)', brightCyan: 'oklch(0.94 0.07 210)', brightWhite: '#ffffff',
  },
}

/** Any CSS colour as `#rrggbb`: the terminal's own reader does not know every notation. */
function toHex(context: CanvasRenderingContext2D, colour: string): string {
  context.fillStyle = colour
  context.fillRect(0, 0, 1, 1)
  const [r = 0, g = 0, b = 0] = context.getImageData(0, 0, 1, 1).data
  return `#${[r, g, b].map((n) => n.toString(16).padStart(2, '0')).join('')}`
}

export function terminalTheme(theme: 'light' | 'dark' | 'contrast'): ITheme {
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = 1
  const context = canvas.getContext('2d', { willReadFrequently: true })!
  const out: Record<string, string> = {}
  for (const [name, colour] of Object.entries(families[theme])) out[name] = toHex(context, colour)
  return { ...out, cursorAccent: out['background']! }
}
