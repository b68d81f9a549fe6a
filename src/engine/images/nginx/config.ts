/** The part of nginx's configuration language that labs use: contexts http, server, location; include, listen, server_name, root, index, alias, return, proxy_pass is read and refused. */
export interface Directive {
  readonly name: string
  readonly args: readonly string[]
  readonly block: readonly Directive[] | undefined
  readonly line: number
  readonly file: string
}

export class NginxError extends Error {}

interface Token {
  readonly text: string
  readonly line: number
  readonly quoted: boolean
}

function tokens(text: string): Token[] {
  const out: Token[] = []
  let line = 1
  let i = 0
  while (i < text.length) {
    const c = text[i]!
    if (c === '\n') {
      line++
      i++
    } else if (/\s/.test(c)) i++
    else if (c === '#') {
      while (i < text.length && text[i] !== '\n') i++
    } else if ('{};'.includes(c)) {
      out.push({ text: c, line, quoted: false })
      i++
    } else if (c === '"' || c === "'") {
      let word = ''
      const start = line
      for (i++; i < text.length && text[i] !== c; i++) {
        if (text[i] === '\\' && text[i + 1] === c) i++
        if (text[i] === '\n') line++
        word += text[i]
      }
      i++
      out.push({ text: word, line: start, quoted: true })
    } else {
      let word = ''
      while (i < text.length && !/[\s;{}]/.test(text[i]!)) word += text[i++]
      // ${name} inside a word is not a block.
      out.push({ text: word, line, quoted: false })
    }
  }
  return out
}

/** Throws NginxError with nginx's words. */
export function parseConfig(text: string, file: string): Directive[] {
  const list = tokens(text)
  let at = 0
  const block = (depth: number): Directive[] => {
    const out: Directive[] = []
    for (;;) {
      const first = list[at]
      if (!first) {
        if (depth > 0) throw new NginxError(`unexpected end of file, expecting "}" in ${file}:${list.at(-1)?.line ?? 1}`)
        return out
      }
      if (!first.quoted && first.text === '}') {
        if (depth === 0) throw new NginxError(`unexpected "}" in ${file}:${first.line}`)
        at++
        return out
      }
      if (!first.quoted && (first.text === ';' || first.text === '{')) throw new NginxError(`unexpected "${first.text}" in ${file}:${first.line}`)
      at++
      const args: string[] = []
      for (;;) {
        const next = list[at]
        if (!next) throw new NginxError(`unexpected end of file, expecting ";" or "}" in ${file}:${first.line}`)
        at++
        if (!next.quoted && next.text === ';') {
          out.push({ name: first.text, args, block: undefined, line: first.line, file })
          break
        }
        if (!next.quoted && next.text === '{') {
          out.push({ name: first.text, args, block: block(depth + 1), line: first.line, file })
          break
        }
        if (!next.quoted && next.text === '}') throw new NginxError(`unexpected "}" in ${file}:${next.line}`)
        args.push(next.text)
      }
    }
  }
  return block(0)
}

export interface Location {
  readonly modifier: string
  readonly pattern: string
  readonly directives: readonly Directive[]
}

export interface ServerBlock {
  readonly listens: readonly { readonly host: string; readonly port: number; readonly isDefault: boolean }[]
  readonly names: readonly string[]
  readonly directives: readonly Directive[]
  readonly locations: readonly Location[]
}

const known = new Set(
  ('user worker_processes error_log pid events worker_connections http include default_type log_format access_log sendfile tcp_nopush keepalive_timeout gzip server listen server_name location root index return alias error_page try_files add_header charset ' +
    'autoindex proxy_pass proxy_set_header proxy_http_version proxy_read_timeout proxy_connect_timeout client_max_body_size server_tokens types daemon worker_rlimit_nofile multi_accept use upstream resolver rewrite if set allow deny internal expires stub_status types_hash_max_size map limit_req limit_req_zone load_module stream env ssl_certificate ssl_certificate_key ssl_protocols ssl_ciphers access_log').split(' '),
)

export function servers(config: readonly Directive[]): ServerBlock[] {
  for (const d of config) if (!known.has(d.name)) throw new NginxError(`unknown directive "${d.name}" in ${d.file}:${d.line}`)
  const out: ServerBlock[] = []
  for (const http of config.filter((d) => d.name === 'http')) {
    for (const d of http.block ?? []) {
      if (!known.has(d.name)) throw new NginxError(`unknown directive "${d.name}" in ${d.file}:${d.line}`)
      if (d.name !== 'server') continue
      const block = d.block ?? []
      for (const inner of block) if (!known.has(inner.name)) throw new NginxError(`unknown directive "${inner.name}" in ${inner.file}:${inner.line}`)
      const listens = block.filter((x) => x.name === 'listen').flatMap((x) => {
        const [spec = '80'] = x.args
        if (spec.startsWith('[')) return []
        const match = /^(?:([^:]+):)?(\d+)$/.exec(spec)
        if (!match && !/^[\d.*]+$|^[a-z.-]+$/.test(spec)) throw new NginxError(`invalid host in "${spec}" of the "listen" directive in ${x.file}:${x.line}`)
        const port = match ? Number(match[2]) : 80
        if (port < 1 || port > 65535) throw new NginxError(`invalid port in "${spec}" of the "listen" directive in ${x.file}:${x.line}`)
        const host = match ? (match[1] ?? '*') : spec
        return [{ host: host === '*' || host === 'localhost' ? '0.0.0.0' : host, port, isDefault: x.args.includes('default_server') }]
      })
      out.push({
        listens: listens.length > 0 ? listens : [{ host: '0.0.0.0', port: 80, isDefault: false }],
        names: block.filter((x) => x.name === 'server_name').flatMap((x) => x.args),
        directives: block,
        locations: block.filter((x) => x.name === 'location').map((x) => (['=', '~', '~*', '^~'].includes(x.args[0] ?? '') ? { modifier: x.args[0]!, pattern: x.args[1] ?? '', directives: x.block ?? [] } : { modifier: '', pattern: x.args[0] ?? '', directives: x.block ?? [] })),
      })
    }
  }
  return out
}

/** nginx's choice of a location: exact, longest prefix (final with ^~), first regular expression, longest prefix. */
export function chooseLocation(server: ServerBlock, path: string): Location | undefined {
  const exact = server.locations.find((l) => l.modifier === '=' && l.pattern === path)
  if (exact) return exact
  const prefixes = server.locations.filter((l) => (l.modifier === '' || l.modifier === '^~') && path.startsWith(l.pattern)).sort((a, b) => b.pattern.length - a.pattern.length)
  if (prefixes[0]?.modifier === '^~') return prefixes[0]
  for (const l of server.locations) {
    if (l.modifier !== '~' && l.modifier !== '~*') continue
    try {
      if (new RegExp(l.pattern, l.modifier === '~*' ? 'i' : '').test(path)) return l
    } catch {
      continue
    }
  }
  return prefixes[0]
}
