/**
 * How busybox's ash words what bash would say: `sh: nosuch: not found`, `sh: can't create /x: Read-only file system`. The language is
 * that of the one shell; brace expansion and other things of bash's own work here too.
 */
import type { Shell, Voice } from '#shell/state.ts'

/** Errors of opening a file as ash's errmsg() shortens them. */
const openErrors: Readonly<Record<string, readonly [input: string, output: string]>> = { 'No such file or directory': ['no such file', 'nonexistent directory'], 'Not a directory': ['no such file', 'nonexistent directory'] }

/** `sh: ` or `./x.sh: line 3: `; with a builtin `sh: cd: line 0: `. An interactive shell tells no lines. */
function head(sh: Shell, builtin?: string): string {
  const script = sh.sourceName !== '' || (builtin === undefined ? false : !sh.interactive)
  return `${sh.name}: ${builtin === undefined ? '' : `${builtin}: `}${sh.interactive || !script ? '' : `line ${sh.sourceName === '' ? 0 : sh.line}: `}`
}

type Words = (sh: Shell, m: readonly string[]) => string

/** bash's text without its prefix → ash's whole line. */
const table: readonly (readonly [pattern: RegExp, words: Words])[] = [
  [/^(.*): command not found$/, (sh, m) => `${head(sh)}${m[1]}: not found`],
  [/^cd: (.*): (No such file or directory|Not a directory|Permission denied)$/, (sh, m) => `${head(sh, 'cd')}can't cd to ${m[1]}: ${m[2]}`],
  [/^(?:cd: )?(HOME) not set$/, (sh) => `${head(sh, 'cd')}HOME not set`],
  [/^(\w+): (-.): invalid option$/, (sh, m) => `${head(sh, m[1])}illegal option ${m[2]}`],
  [/^(exit|return|shift): (.*): numeric argument required$/, (sh, m) => `${head(sh, m[1])}Illegal number: ${m[2]}`],
  [/^local: can only be used in a function$/, (sh) => `${head(sh, 'local')}not in a function`],
  [/^(.*): readonly variable$/, (sh, m) => `${head(sh)}${m[1]!.replace(/^\w+: /, '')}: is read only`],
  [/^.*division by 0.*$/, (sh) => `${head(sh)}divide by zero`],
  [/^(?:.*: )?(?:arithmetic )?syntax error.*\(error token.*$/, (sh) => `${head(sh)}arithmetic syntax error`],
  [/^(.*): bad substitution$/, (sh) => `${head(sh)}syntax error: bad substitution`],
  [/^(fg|bg): no (?:job control|such job|current job)$/, (sh, m) => `${head(sh, m[1])}No current job`],
  [/^(fg|bg|jobs|wait|kill): (%.*): no such job$/, (sh, m) => `${head(sh, m[1])}${m[2]}: no such job`],
  [/^kill: \((\d+)\) - (.*)$/, (sh, m) => `${applet(sh)}: can't kill pid ${m[1]}: ${m[2]}`],
  [/^kill: (.*): arguments must be process or job IDs$/, (sh, m) => `${applet(sh)}: invalid number '${m[1]}'`],
  [/^kill: (.*): invalid signal specification$/, (sh, m) => `${applet(sh)}: bad signal name '${m[1]}'`],
  [/^\[: missing `\]'$/, (sh) => `${applet(sh)}: missing ]`],
  [/^(?:\[|test): .*: unary operator expected$/, (sh) => `${applet(sh)}: argument expected`],
  [/^(?:\[|test): (.*): integer (?:expression|argument) expected$/, (sh, m) => `${applet(sh)}: ${m[1]}: bad number`],
  [/^(?:\[|test): (.*): binary operator expected$/, (sh, m) => `${applet(sh)}: ${m[1]}: unknown operand`],
  [/^(?:\[|test): too many arguments$/, (sh) => `${applet(sh)}: too many arguments`],
  [/^printf: (.*): invalid number$/, (sh, m) => `${applet(sh)}: invalid number '${m[1]}'`],
  [/^umask: (?:(.*): octal number out of range|`(.*)': invalid symbolic mode character)$/, (sh, m) => `${head(sh, 'umask')}illegal mode: ${m[1] ?? m[2]}`],
  [/^(\.|source): (.*): (?:file not found|No such file or directory)$/, (sh, m) => `${head(sh, m[1])}${m[2]!.includes('/') ? `can't open '${m[2]}': No such file or directory` : `${m[2]}: not found`}`],
  [/^exec: (.*): (?:not found|cannot execute: .*)$/, (sh, m) => `${head(sh, 'exec')}${m[1]}: not found`],
  [/^type: (.*): not found$/, (_, m) => `${m[1]}: not found`],
  [/^return: can only `return' .*$/, () => ''],
  [/^wait: pid .*$/, () => ''],
  [/^(.*): Is a directory$/, (sh, m) => `${head(sh)}${m[1]}: Permission denied`],
  [/^(.*\/.*): No such file or directory$/, (sh, m) => `${head(sh)}${m[1]}: not found`],
]

/** Builtins that are applets call themselves as the shell is called. */
const applet = (sh: Shell) => sh.process.argv[0]?.replace(/^.*\//, '').replace(/^-/, '') ?? 'sh'

/** Syntax errors, which bash tells with more lines. */
const syntax: readonly (readonly [pattern: RegExp, text: string])[] = [
  [/syntax error near unexpected token `newline'/, 'unexpected newline'],
  [/syntax error near unexpected token `(.*?)'/, 'unexpected "$1"'],
  [/unexpected EOF while looking for matching ``'/, 'EOF in backquote substitution'],
  [/unexpected EOF while looking for matching `["']'/, 'unterminated quoted string'],
  [/unexpected EOF while looking for matching `[})]'/, 'missing \'}\''],
  [/syntax error: unexpected end of file/, 'unexpected end of file'],
]

export const ash: Voice = {
  complain(sh, text, about) {
    if (about !== undefined) {
      const at = text.lastIndexOf(': ')
      const [path, why] = [text.slice(0, at), text.slice(at + 2)]
      if (about === 'script') return `${applet(sh)}: can't open '${path}': ${why}\n`
      const short = openErrors[why]?.[about === 'input' ? 0 : 1] ?? why
      return `${head(sh)}can't ${about === 'input' ? 'open' : 'create'} ${path}: ${short}\n`
    }
    for (const [pattern, words] of table) {
      const m = pattern.exec(text)
      if (!m) continue
      const line = words(sh, m)
      return line === '' ? '' : line + '\n'
    }
    return `${head(sh)}${text}\n`
  },
  say(sh, text) {
    if (text.startsWith(sh.prefix) && text.endsWith(': not found\n')) return head(sh) + text.slice(sh.prefix.length)
    if (/^[\w.]+: usage: [^\n]*\n$/.test(text)) return text.startsWith('kill:') ? `${applet(sh)}: you need to specify whom to kill\n` : text.startsWith('printf:') ? `${applet(sh)}: usage: printf FORMAT [ARGUMENT...]\n` : ''
    for (const [pattern, words] of syntax) {
      const m = pattern.exec(text)
      if (m && text.startsWith(sh.name)) return `${head(sh)}syntax error: ${words.replace('$1', m[1] ?? '')}\n`
    }
    return text
  },
}
