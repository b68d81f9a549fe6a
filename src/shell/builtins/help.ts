/** `help`: synopses of the builtins. The long texts of bash's manual are left out. */
import type { Shell } from '../state.ts'

const synopses: Readonly<Record<string, string>> = {
  ':': ':', '.': '. filename [arguments]', '[': '[ arg... ]', alias: 'alias [-p] [name[=value] ... ]', bg: 'bg [job_spec ...]', break: 'break [n]', builtin: 'builtin [shell-builtin [arg ...]]', caller: 'caller [expr]', case: 'case WORD in [PATTERN [| PATTERN]...) COMMANDS ;;]... esac',
  cd: 'cd [-L|[-P [-e]] [-@]] [dir]', command: 'command [-pVv] command [arg ...]', complete: 'complete [-abcdefgjksuv] [-pr] [-DEI] [-o option] [-A action] [-G globpat] [-W wordlist] [-F function] [-C command] [-X filterpat] [-P prefix] [-S suffix] [name ...]',
  continue: 'continue [n]', declare: 'declare [-aAfFgiIlnrtux] [name[=value] ...] or declare -p [-aAfFilnrtux] [name ...]', dirs: 'dirs [-clpv] [+N] [-N]', disown: 'disown [-h] [-ar] [jobspec ... | pid ...]', echo: 'echo [-neE] [arg ...]', enable: 'enable [-a] [-dnps] [-f filename] [name ...]',
  eval: 'eval [arg ...]', exec: 'exec [-cl] [-a name] [command [argument ...]] [redirection ...]', exit: 'exit [n]', export: 'export [-fn] [name[=value] ...] or export -p', false: 'false', fg: 'fg [job_spec]', for: 'for NAME [in WORDS ... ] ; do COMMANDS; done', getopts: 'getopts optstring name [arg ...]',
  hash: 'hash [-lr] [-p pathname] [-dt] [name ...]', help: 'help [-dms] [pattern ...]', history: 'history [-c] [-d offset] [n] or history -anrw [filename] or history -ps arg [arg...]', if: 'if COMMANDS; then COMMANDS; [ elif COMMANDS; then COMMANDS; ]... [ else COMMANDS; ] fi',
  jobs: 'jobs [-lnprs] [jobspec ...] or jobs -x command [args]', kill: 'kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]', let: 'let arg [arg ...]', local: 'local [option] name[=value] ...', logout: 'logout [n]', mapfile: 'mapfile [-d delim] [-n count] [-O origin] [-s count] [-t] [-u fd] [-C callback] [-c quantum] [array]',
  popd: 'popd [-n] [+N | -N]', printf: 'printf [-v var] format [arguments]', pushd: 'pushd [-n] [+N | -N | dir]', pwd: 'pwd [-LP]', read: 'read [-ers] [-a array] [-d delim] [-i text] [-n nchars] [-N nchars] [-p prompt] [-t timeout] [-u fd] [name ...]', readonly: 'readonly [-aAf] [name[=value] ...] or readonly -p',
  return: 'return [n]', set: 'set [-abefhkmnptuvxBCEHPT] [-o option-name] [--] [-] [arg ...]', shift: 'shift [n]', shopt: 'shopt [-pqsu] [-o] [optname ...]', source: 'source filename [arguments]', suspend: 'suspend [-f]', test: 'test [expr]', times: 'times', trap: 'trap [-lp] [[arg] signal_spec ...]', true: 'true',
  type: 'type [-afptP] name [name ...]', typeset: 'typeset [-aAfFgiIlnrtux] name[=value] ... or typeset -p [-aAfFilnrtux] [name ...]', ulimit: 'ulimit [-SHabcdefiklmnpqrstuvxPRT] [limit]', umask: 'umask [-p] [-S] [mode]', unalias: 'unalias [-a] name [name ...]', unset: 'unset [-f] [-v] [-n] [name ...]',
  until: 'until COMMANDS; do COMMANDS-2; done', wait: 'wait [-fn] [-p var] [id ...]', while: 'while COMMANDS; do COMMANDS-2; done',
}

export async function helpText(sh: Shell, argv: readonly string[]): Promise<number> {
  const names = argv.slice(1).filter((a) => !a.startsWith('-'))
  if (names.length === 0) {
    for (const name of Object.keys(synopses).sort()) await sh.out(` ${synopses[name]}\n`)
    return 0
  }
  let status = 0
  for (const name of names) {
    const text = synopses[name]
    if (text === undefined) {
      await sh.complain(`help: no help topics match \`${name}'.  Try \`help help' or \`man -k ${name}' or \`info ${name}'.`)
      status = 1
    } else await sh.out(`${name}: ${text}\n`)
  }
  return status
}
