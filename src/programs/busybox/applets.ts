/** The applets that are the big programs in busybox's words: what each needs, and how its complaints differ. */
import { usageMark, type Front, type Rule } from './front.ts'

type Words = Omit<Front, 'program'>

/** `NAME: FILE: why` of the big program becomes `NAME: can't open 'FILE': why`. */
const cannotOpen: Rule = [/^(\w+): (.*): (No such file or directory|Permission denied|Not a directory)$/, (_, name, file, why) => `${name}: can't open '${file!.replace(/^'(.*)'$/, '$1')}': ${why}`]
const isDirectory: Rule = [/^(\w+): .*: Is a directory$/, (_, name) => `${name}: read error: Is a directory`]
const invalidNumber: Rule = [/^(\w+): invalid (?:number.*|time interval) ‘(.*)’$/, (_, name, n) => `${name}: invalid number '${n}'`]
const invalidLines: Rule = [/^(\w+): invalid number of (?:lines|bytes): ‘(.*)’$/, (_, name, n) => `${name}: invalid number '${n}'`]
const bare: Rule = [/^(\w+): cannot (?:read|access|stat): ?'?(.*?)'?: (.*)$/, (_, name, file, why) => `${name}: ${file}: ${why}`]

const tarRules: readonly Rule[] = [
  [/^tar: Removing leading `\/' from member names$/, "tar: removing leading '/' from member names"],
  [/^tar: (.*): Cannot stat: (.*)$/, (_, file, why) => `tar: ${file}: ${why}`],
  [/^tar: Exiting with failure status due to previous errors$/, 'tar: error exit delayed from previous errors'],
  [/^tar: (.*): Not found in archive$/, 'tar: $1: not found in archive'],
  [/^tar: This does not look like a tar archive$/, 'tar: short read'],
  [/^tar: Error is not recoverable: exiting now$/, undefined],
]

/** A folder that cannot be entered is told apart from an archive that cannot be opened by its option. */
const tarOpen = (args: readonly string[]): Rule => [/^tar: (.*): Cannot open: (.*)$/, (_, file, why) => (args.some((a, i) => a === '-C' && args[i + 1] === file) ? `tar: can't change directory to '${file}': ${why}` : `tar: can't open '${file}': ${why}`)]

export { tarOpen, tarRules }

const minusOne = { 2: 1 } as const

export const applets: Readonly<Record<string, Words>> = {
  cat: { rules: [isDirectory, cannotOpen] },
  rm: { least: (o) => (o.options.has('f') ? 0 : 1), rules: [[/^rm: cannot remove '(.*)': Is a directory$/, "rm: '$1' is a directory"], [/^removed (?:directory )?'(.*)'$/, "removed '$1'"]] },
  mkdir: { least: 1, rules: [[/^mkdir: created directory '(.*)'$/, "created directory: '$1'"]] },
  rmdir: { least: 1, rules: [[/^rmdir: failed to remove '(.*)': (.*)$/, "rmdir: '$1': $2"]] },
  cp: { least: 2, rules: [[/^cp: cannot stat '(.*)': (.*)$/, "cp: can't stat '$1': $2"], [/^cp: -r not specified; omitting directory '(.*)'$/, "cp: omitting directory '$1'"], [/^cp: cannot (?:create (?:regular file|directory)|open) '(.*)'(?: for reading)?: (.*)$/, (all, file, why) => `cp: can't ${all!.includes('open') ? 'open' : all!.includes('directory ') ? 'create directory' : 'create'} '${file}': ${why}`]] },
  mv: { least: 2, rules: [[/^mv: cannot (?:stat|move) '(.*?)'(?: to '.*')?: (.*)$/, "mv: can't rename '$1': $2"]] },
  ln: { least: 1, rules: [[/^ln: failed to (?:access|create (?:symbolic|hard) link) '(.*?)'(?: => '.*')?: (.*)$/, 'ln: $1: $2']] },
  touch: { least: 1, rules: [[/^touch: invalid date format ‘(.*)’$/, "touch: invalid date '$1'"]] },
  chmod: { least: 2, rules: [[/^chmod: invalid mode: ‘(.*)’$/, "chmod: invalid mode '$1'"], [/^chmod: changing permissions of '(.*)': (.*)$/, 'chmod: $1: $2']] },
  chown: { least: 2, rules: [[/^chown: invalid user: ‘(.*)’$/, 'chown: unknown user $1'], [/^chown: invalid group: ‘(.*)’$/, 'chown: unknown group $1'], [/^chown: changing ownership of '(.*)': (.*)$/, 'chown: $1: $2']] },
  chgrp: { least: 2, rules: [[/^chgrp: invalid group: ‘(.*)’$/, 'chgrp: unknown group $1'], [/^chgrp: changing group of '(.*)': (.*)$/, 'chgrp: $1: $2']] },
  head: { digits: true, rules: [invalidLines, [/^head: cannot open '(.*)' for reading: (.*)$/, 'head: $1: $2']] },
  tail: { digits: true, rules: [invalidLines, [/^(tail): cannot open '(.*)' for reading: (.*)$/, (_, __, file, why) => `tail: can't open '${file}': ${why}\ntail: no files`]] },
  grep: { code: 2, least: (o) => (o.options.has('e') || o.options.has('f') ? 0 : 1), rules: [[/^grep: (?:Unmatched|Invalid|Unknown|Trailing|Repetition|unmatched|invalid).*$/, 'grep: bad regex'], [/^grep: .*: Is a directory$/, undefined]], args: (args, o) => (o.options.has('r') && o.operands.length === (o.options.has('e') || o.options.has('f') ? 0 : 1) ? [...args, '-'] : args).filter((a) => !a.startsWith('--color')) },
  egrep: { free: true }, fgrep: { free: true },
  sort: { code: 2, rules: [bare] },
  uniq: { rules: [cannotOpen] },
  cut: { rules: [[/^cut: you must specify a list of bytes, characters, or fields$/, 'cut: expected a list of bytes, characters, or fields']] },
  tr: { least: 1 },
  sed: { least: (o) => (o.options.has('e') || o.options.has('f') ? 0 : 1), exits: minusOne, rules: [[/^sed: -e expression #\d+, char \d+: unterminated `.' command$/, "sed: unmatched '/'"], [/^sed: -e expression #\d+, char \d+: unknown command: `(.)'$/, 'sed: unsupported command $1'], [/^sed: can't read (.*): (.*)$/, 'sed: $1: $2'], [/^sed: -e expression #\d+, char \d+: unknown option to `s'$/, 'sed: unknown option to s']] },
  awk: { stop: true, least: (o) => (o.options.has('f') || o.options.has('e') ? 0 : 1), exits: minusOne, rules: [[/^m?awk: (?:cannot open|can't open) (\S+) \((.*)\)$/, 'awk: $1: $2'], [/^m?awk: (?:.*)line (\d+): syntax error.*$/, 'awk: cmd. line:$1: Unexpected token'], [/^m?awk: (.*)$/, 'awk: $1']] },
  find: { free: true, rules: [[/^find: ‘(.*)’: (.*)$/, 'find: $1: $2'], [/^find: unknown predicate `(.*)'$/, (_, word) => `find: unrecognized: ${word}\n${usageMark}`], [/^find: Unknown argument to (-\w+): (.*)$/, "find: invalid argument '$2' to '$1'"], [/^find: missing argument to `(.*)'$/, 'find: $1 requires an argument']] },
  tar: { free: true, exits: minusOne, rules: tarRules },
  date: { rules: [[/^date: invalid date ‘(.*)’$/, "date: invalid date '$1'"]] },
  sleep: { free: true, least: 1, rules: [invalidNumber, [/^sleep: invalid option -- '(.*)'$/, "sleep: invalid number '-$1'"]] },
  basename: { least: 1 }, dirname: { least: 1 }, readlink: { least: 1 }, stat: { least: 1, rules: [[/^stat: cannot statx? '(.*)': (.*)$/, "stat: can't stat '$1': $2"]] },
  expr: { free: true, rules: [[/^expr: missing operand$/, 'expr: too few arguments'], [/^expr: syntax error.*$/, 'expr: syntax error'], [/^expr: non-integer argument$/, 'expr: non-numeric argument']], exits: {} },
  env: { stop: true, rules: [[/^env: '(.*)': (.*)$/, "env: can't execute '$1': $2"]] },
  id: { rules: [[/^id: '?‘?(.*?)’?'?: no such user$/, 'id: unknown user $1']] },
  which: { rules: [] }, xargs: { stop: true, rules: [[/^xargs: (\S+): (.*)$/, "xargs: can't execute '$1': $2"]] },
  tee: {}, du: {}, uname: {}, mktemp: { rules: [[/^mktemp: failed to create (?:file|directory) via template .*: (.*)$/, 'mktemp: (null): $1']] },
  md5sum: { rules: [cannotOpen] }, sha1sum: { rules: [cannotOpen] }, sha256sum: { rules: [cannotOpen] }, sha512sum: { rules: [cannotOpen] },
  base64: { rules: [[/^base64: invalid input$/, 'base64: truncated input']] }, hexdump: {}, od: {}, fold: {}, nl: {}, paste: {}, shuf: {}, rev: {}, tac: {},
  diff: { least: 2, exits: {}, rules: [[/^diff: ([^:]*): (No such file or directory)$/, "diff: can't stat '$1': $2"]], args: (args) => (args.some((a) => /^-\w*q/.test(a)) ? args : ['-u', ...args]) },
  cmp: { least: 1, rules: [cannotOpen] },
  timeout: { stop: true, least: 2, rules: [[/^timeout: failed to run command ‘(.*)’: (.*)$/, "timeout: can't execute '$1': $2"], invalidNumber], exits: { 125: 1 } },
  watch: { stop: true, least: 1 }, nproc: {}, unlink: { least: 1, rules: [[/^unlink: (?:cannot unlink )?'?(.*?)'?: (.*)$/, "unlink: can't remove file '$1': $2"]] },
  truncate: { least: 1 }, realpath: { least: 1 }, mountpoint: {}, pwd: {}, hostname: {}, whoami: {}, uptime: {}, dmesg: {}, mount: {},
  kill: { free: true, rules: [[/^kill: failed to parse argument: '(.*)'$/, "kill: invalid number '$1'"], [/^kill: \((\d+)\): (.*)$/, "kill: can't kill pid $1: $2"]] },
  killall: { stop: true, rules: [[/^(.*): no process found$/, 'killall: $1: no process killed']] }, pidof: {},
  more: { rules: [[/^more: cannot open (.*?): (.*)$/, "more: can't open '$1': $2"]] }, less: { rules: [[/^(.*): (No such file or directory)$/, "less: can't open '$1': $2"]] },
  sysctl: { exits: { 255: 1 }, rules: [[/^sysctl: cannot stat \/proc\/sys\/(.*): No such file or directory$/, (_, path) => `sysctl: error: '${path!.replaceAll('/', '.')}' is an unknown key`], [/^sysctl: setting key "(.*)": Read-only file system$/, (_, key) => `sysctl: error setting key '${key}': Read-only file system`], [/^sysctl: setting key "(.*)": (.*)$/, "sysctl: error setting key '$1': $2"], [/^sysctl: "(.*)" must be of the form name=value$/, "sysctl: error: '$1' must be of the form name=value"], [/^sysctl: permission denied on key ["'](.*)["']$/, "sysctl: error setting key '$1': Permission denied"]] },
  seq: { free: true, least: 1 },
}
