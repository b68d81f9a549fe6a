/** CodeMirror dressed as vi (vim keys, `:w`, `:q`, `:wq`, `ZZ`) or as nano (^O, ^X, ^K, ^U, ^W, ^C). */
import { deleteLine, history, historyKeymap, defaultKeymap, indentWithTab } from '@codemirror/commands'
import { HighlightStyle, indentUnit, syntaxHighlighting } from '@codemirror/language'
import { yaml } from '@codemirror/lang-yaml'
import { openSearchPanel, search, searchKeymap } from '@codemirror/search'
import { EditorState, Prec, type Extension } from '@codemirror/state'
import { drawSelection, EditorView, keymap, lineNumbers } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { getCM, vim, Vim } from '@replit/codemirror-vim'
import type { EditorRequest } from '../session/sitting.svelte.ts'

export interface EditorPort {
  done(result: { saved: boolean; text: string }): void
  say(text: string): void
  mode(name: string): void
}

export interface RunningEditor {
  focus(): void
  /** A key of nano's bottom lines. */
  press(key: string): void
  destroy(): void
}

const look = EditorView.theme({
  '&': { backgroundColor: 'transparent', color: 'var(--term-text)', fontSize: 'var(--term-size, 14px)' },
  '.cm-scroller': { fontFamily: 'var(--font-code)', lineHeight: '1.45', scrollbarWidth: 'thin' },
  '.cm-content': { caretColor: 'var(--accent-shape)' },
  '.cm-cursor': { borderLeftColor: 'var(--accent-shape)', borderLeftWidth: '2px' },
  '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--muted)', border: '0' },
  '&.cm-focused': { outline: 'none' },
  '.cm-selectionBackground, &.cm-focused .cm-selectionBackground': { backgroundColor: 'var(--select) !important' },
  '.cm-fat-cursor': { backgroundColor: 'var(--accent-shape) !important', color: 'var(--term-ground) !important' },
  '&:not(.cm-focused) .cm-fat-cursor': { outline: '1px solid var(--accent-shape) !important', backgroundColor: 'transparent !important' },
  '.cm-panels': { backgroundColor: 'var(--sunken)', color: 'var(--text)', fontFamily: 'var(--font-code)' },
  '.cm-panels-bottom': { borderTop: '1px solid var(--line)' },
  '.cm-panels input': { color: 'var(--text)', backgroundColor: 'transparent' },
})
const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: 'var(--accent)' },
  { tag: [tags.string, tags.content], color: 'var(--term-text)' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: 'var(--warn)' },
  { tag: tags.comment, color: 'var(--muted)' },
  { tag: [tags.punctuation, tags.separator], color: 'var(--muted)' },
])

/** The editor whose `:w` and `:q` are meant: vim's commands are global to the page, the editor in front is one. */
let front: { write(): void; quit(force: boolean): void } | undefined
Vim.defineEx('write', 'w', () => front?.write())
Vim.defineEx('quit', 'q', (_cm: unknown, params: { argString?: string }) => front?.quit(params.argString === '!'))
for (const [name, short] of [['wq', 'wq'], ['xit', 'x'], ['wqall', 'wqa'], ['exit', 'exi']] as const) {
  Vim.defineEx(name, short, () => {
    front?.write()
    front?.quit(true)
  })
}
Vim.defineEx('qall', 'qa', () => front?.quit(true))
Vim.defineAction('writeAndQuit', () => {
  front?.write()
  front?.quit(true)
})
Vim.defineAction('quitWithoutWriting', () => front?.quit(true))
Vim.mapCommand('ZZ', 'action', 'writeAndQuit', {}, { context: 'normal' })
Vim.mapCommand('ZQ', 'action', 'quitWithoutWriting', {}, { context: 'normal' })

export function createEditor(parent: HTMLElement, request: EditorRequest, port: EditorPort): RunningEditor {
  // As vi shows it: the newline at the end of the last line is no line of its own. A file that lacks it gets it when written.
  let written = request.text === '' || request.text.endsWith('\n') ? request.text : `${request.text}\n`
  let saved = false
  let asking = false
  const text = () => {
    const t = view.state.doc.toString()
    return t === '' && written === '' ? '' : `${t}\n`
  }
  const lines = () => view.state.doc.lines
  const changed = () => text() !== written
  const write = () => {
    if (request.readOnly) return port.say('The file is read only')
    written = text()
    saved = true
    port.say(request.keys === 'vi' ? `"${request.path}" ${lines()}L, ${new TextEncoder().encode(written).length}B written` : `[ Wrote ${lines()} lines ]`)
  }
  const leave = () => port.done({ saved, text: saved ? written : request.text })
  const quit = (force: boolean) => {
    if (!force && changed()) port.say('E37: No write since last change (add ! to override)')
    else leave()
  }
  const me = { write, quit }

  const nanoExit = () => {
    if (!changed() || request.readOnly) return leave()
    asking = true
    port.say('Save modified buffer?  Y Yes  N No  ^C Cancel')
  }
  let cut = ''
  const nano: Extension = [
    Prec.highest(
      EditorView.domEventHandlers({
        keydown: (event) => {
          if (!asking) return false
          event.preventDefault()
          const key = event.key.toLowerCase()
          if (key === 'y') {
            write()
            leave()
          } else if (key === 'n') leave()
          else if (key === 'escape' || (event.ctrlKey && key === 'c')) {
            asking = false
            port.say('[ Cancelled ]')
          }
          return true
        },
      }),
    ),
    Prec.highest(
      keymap.of([
        { key: 'Ctrl-o', run: () => (write(), true), preventDefault: true },
        { key: 'Ctrl-x', run: () => (nanoExit(), true), preventDefault: true },
        { key: 'Ctrl-k', run: (v) => ((cut = v.state.doc.lineAt(v.state.selection.main.head).text + '\n'), deleteLine(v)), preventDefault: true },
        { key: 'Ctrl-u', run: (v) => (v.dispatch(v.state.replaceSelection(cut)), true), preventDefault: true },
        { key: 'Ctrl-w', run: openSearchPanel, preventDefault: true },
        { key: 'Ctrl-c', run: (v) => (say(v), true), preventDefault: true },
      ]),
    ),
  ]
  const say = (v: EditorView) => {
    const line = v.state.doc.lineAt(v.state.selection.main.head)
    port.say(`[ line ${line.number}/${v.state.doc.lines}, col ${v.state.selection.main.head - line.from + 1} ]`)
  }

  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: request.text.replace(/\n$/, ''),
      extensions: [
        request.keys === 'vi' ? vim({ status: false }) : nano,
        lineNumbers(),
        drawSelection(),
        history(),
        search({ top: false }),
        indentUnit.of('  '),
        /\.(ya?ml|json)$|^\/tmp\/kubectl-edit/.test(request.path) ? yaml() : [],
        syntaxHighlighting(colours),
        look,
        EditorState.readOnly.of(request.readOnly),
        EditorView.contentAttributes.of({ 'aria-label': `${request.path}, ${request.keys} keys` }),
        keymap.of([indentWithTab, ...defaultKeymap, ...historyKeymap, ...searchKeymap]),
      ],
    }),
  })
  front = me
  if (request.keys === 'vi') {
    getCM(view)?.on('vim-mode-change', (m: { mode: string; subMode?: string }) => port.mode(m.mode === 'normal' ? '' : `-- ${(m.subMode ? `${m.mode} ${m.subMode}` : m.mode).toUpperCase()} --`))
    const size = new TextEncoder().encode(request.text).length
    port.say(request.text === '' ? `"${request.path}" [New]` : `"${request.path}" ${lines()}L, ${size}B${request.readOnly ? ' [readonly]' : ''}`)
  }
  const press: Record<string, () => void> = { '^O': write, '^X': nanoExit, '^W': () => openSearchPanel(view), '^K': () => deleteLine(view), '^U': () => view.dispatch(view.state.replaceSelection(cut)), '^C': () => say(view) }
  return {
    focus: () => {
      front = me
      view.focus()
    },
    press: (key) => {
      press[key]?.()
      view.focus()
    },
    destroy: () => {
      if (front === me) front = undefined
      view.destroy()
    },
  }
}
