/**
 * /etc/nginx/nginx.conf as the controller writes it (and `cat` in its pod shows it): the directives that settings, hosts, paths and annotations decide.
 * Not the file's every line: Lua blocks, comments and what never changes are left out. The router, not this text, decides about requests.
 */
import { redirectCode } from './answer.ts'
import type { Location, Server } from './router.ts'
import { isTrue, upstreamName } from './router.ts'
import type { SettingName, Settings } from './settings.ts'

export interface ConfFacts {
  readonly settings: Settings
  readonly servers: ReadonlyMap<string, Server>
  readonly version: string
  /** Headers of the ConfigMaps that add-headers and proxy-set-headers name. */
  readonly addHeaders?: Readonly<Record<string, string>> | undefined
  readonly setHeaders?: Readonly<Record<string, string>> | undefined
  /** Parameters of a location's fastcgi-params-configmap. */
  readonly fastCgiParams?: (location: Location) => Readonly<Record<string, string>>
  /** Headers of a location's custom-headers ConfigMap. */
  readonly customHeaders?: (location: Location) => readonly (readonly [string, string])[] | undefined
}

const onOff = (is: boolean) => (is ? 'on' : 'off')
const times: readonly SettingName[] = ['client-header-timeout', 'client-body-timeout']

/** `directive value;` of a setting. */
function line(settings: Settings, directive: string, name: SettingName, suffix = ''): string {
  return `${directive} ${settings.text(name)}${suffix};`
}

function globalAuth(settings: Settings): boolean {
  return settings.text('global-auth-url') !== ''
}

export function nginxConf(facts: ConfFacts): string {
  const { settings: s, servers, version } = facts
  const out: string[] = []
  const put = (depth: number, ...lines: readonly string[]) => {
    for (const l of lines) for (const part of l.split('\n')) out.push(part === '' ? '' : '\t'.repeat(depth) + part)
  }
  put(0, '', '# Configuration checksum: ', '', '# setup custom paths that do not require root access', 'pid /tmp/nginx/nginx.pid;', '', 'daemon off;', '', line(s, 'worker_processes', 'worker-processes'), ...(s.text('worker-cpu-affinity') ? [line(s, 'worker_cpu_affinity', 'worker-cpu-affinity')] : []), '')
  put(0, `worker_rlimit_nofile ${s.text('max-worker-open-files') === '0' ? 1047552 : s.text('max-worker-open-files')};`, '', `worker_shutdown_timeout ${s.text('worker-shutdown-timeout')} ;`, '', ...(s.text('main-snippet') ? [s.text('main-snippet')] : []), 'events {')
  put(1, `multi_accept        ${onOff(s.flag('enable-multi-accept'))};`, `worker_connections  ${s.text('max-worker-connections')};`, 'use                 epoll;')
  put(0, '}', '', 'http {')
  put(1, ...(s.flag('enable-opentelemetry') ? ['opentelemetry_config /etc/ingress-controller/telemetry/opentelemetry.toml;'] : []), ...luaDicts(s), '', 'aio                 threads;', 'tcp_nopush          on;', 'tcp_nodelay         on;', '', 'log_subrequest      on;', '', 'reset_timedout_connection on;', '')
  put(1, `keepalive_timeout  ${s.text('keep-alive')}s;`, `keepalive_requests ${s.text('keep-alive-requests')};`, '', 'client_body_temp_path           /tmp/nginx/client-body;', 'fastcgi_temp_path               /tmp/nginx/fastcgi-temp;', 'proxy_temp_path                 /tmp/nginx/proxy-temp;', '')
  put(1, line(s, 'client_header_buffer_size', 'client-header-buffer-size'), line(s, 'client_header_timeout', times[0]!, 's'), line(s, 'large_client_header_buffers', 'large-client-header-buffers'), line(s, 'client_body_buffer_size', 'client-body-buffer-size'), line(s, 'client_body_timeout', times[1]!, 's'), '')
  put(1, ...(s.text('grpc-buffer-size-kb') !== '0' ? [`grpc_buffer_size ${s.text('grpc-buffer-size-kb')}k;`] : []), ...(s.flag('use-http2') ? [line(s, 'http2_max_concurrent_streams', 'http2-max-concurrent-streams')] : []), 'types_hash_max_size             2048;')
  put(1, line(s, 'server_names_hash_max_size', 'server-name-hash-max-size'), line(s, 'server_names_hash_bucket_size', 'server-name-hash-bucket-size'), line(s, 'map_hash_bucket_size', 'map-hash-bucket-size'), '', line(s, 'proxy_headers_hash_max_size', 'proxy-headers-hash-max-size'), line(s, 'proxy_headers_hash_bucket_size', 'proxy-headers-hash-bucket-size'), '')
  put(1, line(s, 'variables_hash_bucket_size', 'variables-hash-bucket-size'), line(s, 'variables_hash_max_size', 'variables-hash-max-size'), '', `underscores_in_headers          ${onOff(s.flag('enable-underscores-in-headers'))};`, `ignore_invalid_headers          ${onOff(s.flag('ignore-invalid-headers'))};`, '')
  put(1, line(s, 'limit_req_status', 'limit-req-status-code'), line(s, 'limit_conn_status', 'limit-conn-status-code'), '', 'include /etc/nginx/mime.types;', 'default_type text/html;', '', `server_tokens ${onOff(s.flag('server-tokens'))};`, ...(s.flag('allow-backend-server-header') ? [] : ['more_clear_headers Server;']), '')
  put(1, ...s.list('hide-headers').map((h) => `proxy_hide_header "${h}";`), ...(s.flag('use-gzip') ? ['gzip on;', line(s, 'gzip_comp_level', 'gzip-level'), ...(s.text('gzip-disable') ? [`gzip_disable "${s.text('gzip-disable')}";`] : []), 'gzip_http_version 1.1;', line(s, 'gzip_min_length', 'gzip-min-length'), line(s, 'gzip_types', 'gzip-types'), 'gzip_proxied any;', 'gzip_vary on;'] : []), ...(s.flag('enable-brotli') ? ['brotli on;', line(s, 'brotli_comp_level', 'brotli-level'), line(s, 'brotli_min_length', 'brotli-min-length'), line(s, 'brotli_types', 'brotli-types')] : []), ...Object.entries(facts.addHeaders ?? {}).map(([k, v]) => `more_set_headers "${k}: ${v}";`), ...modsecurity(s.flag('enable-modsecurity'), s.flag('enable-owasp-modsecurity-crs'), s.text('modsecurity-snippet')), ...blocks(s))
  const escape = s.flag('log-format-escape-none') ? ' escape=none' : s.flag('log-format-escape-json') ? ' escape=json' : ''
  put(1, '# $ingress_name', '# $service_name', `log_format upstreaminfo${escape} '${s.text('log-format-upstream')}';`, '', 'map $request_uri $loggable {', '\tdefault 1;', '}', s.flag('disable-access-log') || s.flag('disable-http-access-log') ? 'access_log off;' : `access_log ${s.text('http-access-log-path') || s.text('access-log-path')} upstreaminfo ${s.text('access-log-params')} if=$loggable;`, '', `error_log  ${s.text('error-log-path')} ${s.text('error-log-level')};`, '')
  put(1, ...realIp(s), '# See https://www.nginx.com/blog/websocket-nginx', 'map $http_upgrade $connection_upgrade {', '\tdefault          upgrade;', "\t''               '';", '}', '')
  put(1, line(s, 'ssl_protocols', 'ssl-protocols'), '', 'ssl_early_data off;', '', '# turn on session caching to drastically improve performance', '', ...(s.flag('ssl-session-cache') ? [`ssl_session_cache shared:SSL:${s.text('ssl-session-cache-size')};`, line(s, 'ssl_session_timeout', 'ssl-session-timeout')] : []), '', `ssl_session_tickets ${onOff(s.flag('ssl-session-tickets'))};`)
  put(1, ...(s.flag('ssl-session-tickets') && s.text('ssl-session-ticket-key') ? ['ssl_session_ticket_key /etc/ingress-controller/tickets.key;'] : []), line(s, 'ssl_buffer_size', 'ssl-buffer-size'), '', `ssl_ciphers '${s.text('ssl-ciphers')}';`, 'ssl_prefer_server_ciphers on;', `ssl_ecdh_curve ${s.text('ssl-ecdh-curve')};`, '')
  put(1, 'ssl_certificate     /etc/ingress-controller/ssl/default-fake-certificate.pem;', 'ssl_certificate_key /etc/ingress-controller/ssl/default-fake-certificate.pem;', '', ...(s.list('custom-http-errors').length > 0 ? [`proxy_intercept_errors on;`] : []), ...s.list('custom-http-errors').map((code) => `error_page ${code} = @custom_upstream-default-backend_${code};`), 'proxy_ssl_session_reuse on;', '')
  put(1, ...(globalAuth(s) ? ['proxy_cache_path /tmp/nginx/nginx-cache-auth levels=1:2 keys_zone=auth_cache:10m max_size=128m inactive=30m use_temp_path=off;'] : []), 'upstream upstream_balancer {', '\tserver 0.0.0.1; # placeholder', '', '\tbalancer_by_lua_file /etc/nginx/lua/nginx/ngx_conf_balancer.lua;', '', `\tkeepalive ${s.text('upstream-keepalive-connections')};`, `\tkeepalive_timeout  ${s.text('upstream-keepalive-timeout')}s;`, `\tkeepalive_requests ${s.text('upstream-keepalive-requests')};`, '}', '')
  put(1, ...zones(servers), ...(s.text('http-snippet') ? [s.text('http-snippet')] : []))
  for (const server of [...servers.values()].filter((v) => v.aliasOf === undefined).sort((a, b) => (a.host < b.host ? -1 : 1))) putServer(put, s, server, facts)
  put(0, '}', '', 'stream {')
  put(1, 'log_format log_stream [$remote_addr] [$time_local] $protocol $status $bytes_sent $bytes_received $session_time;', s.flag('disable-access-log') || s.flag('disable-stream-access-log') ? 'access_log off;' : `access_log ${s.text('stream-access-log-path') || s.text('access-log-path')} log_stream ${s.text('access-log-params')};`.replace(' ;', ';'), `error_log  ${s.text('error-log-path')} ${s.text('error-log-level')};`, ...(s.text('stream-snippet') ? [s.text('stream-snippet')] : []), ...[...new Set([...servers.values()].flatMap((v) => v.locations.flatMap((l) => l.annotations['stream-snippet'] ?? [])))])
  put(0, '}', '')
  return `# nginx-ingress-controller ${version}\n${out.join('\n')}`
}

function modsecurity(on: boolean, crs: boolean, snippet: string): string[] {
  return on ? ['modsecurity on;', ...(snippet === '' ? ['modsecurity_rules_file /etc/nginx/modsecurity/modsecurity.conf;'] : [`modsecurity_rules '\n${snippet}\n';`]), ...(crs ? ['modsecurity_rules_file /etc/nginx/owasp-modsecurity-crs/nginx-modsecurity.conf;'] : [])] : []
}

/** Dictionaries with their sizes; a size that is none, or above 200, is left out. */
function luaDicts(s: Settings): string[] {
  const sizes = new Map<string, number>([['balancer_ewma', 10], ['balancer_ewma_last_touched_at', 10], ['balancer_ewma_locks', 1], ['certificate_data', 20], ['certificate_servers', 5], ['configuration_data', 20], ['global_throttle_cache', 10], ['ocsp_response_cache', 5]])
  for (const pair of s.list('lua-shared-dicts')) {
    const [name, size] = pair.split(':').map((t) => t.trim())
    const m = /^(\d+)$/.exec(size ?? '')
    if (m && Number(m[1]) <= 200) sizes.set(name!, Number(m[1]))
  }
  return [...sizes].sort().map(([name, size]) => `lua_shared_dict ${name} ${size}M;`)
}

function blocks(s: Settings): string[] {
  const map = (variable: string, name: string, list: readonly string[]) => (list.length > 0 ? [`map $http_${variable} $block_${name} {`, '\tdefault 0;', ...list.map((e) => `\t${e} 1;`), '}'] : [])
  return [...s.list('block-cidrs').map((c) => `deny ${c};`), ...map('user_agent', 'ua', s.list('block-user-agents')), ...map('referer', 'ref', s.list('block-referers'))]
}

function realIp(s: Settings): string[] {
  if (!s.flag('use-forwarded-headers') && !s.flag('enable-real-ip') && !s.flag('use-proxy-protocol')) return ['map $http_x_request_id $req_id {', '\tdefault   $http_x_request_id;', '\t""        $request_id;', '}']
  const header = s.flag('use-proxy-protocol') ? 'proxy_protocol' : s.text('forwarded-for-header')
  return [`real_ip_header      ${header};`, 'real_ip_recursive   on;', ...s.list('proxy-real-ip-cidr').map((c) => `set_real_ip_from    ${c};`)]
}

function zones(servers: ReadonlyMap<string, Server>): string[] {
  const out = new Set<string>()
  for (const l of [...servers.values()].flatMap((v) => v.locations)) {
    const name = `${l.ingress?.metadata.namespace}_${l.ingress?.metadata.name}`
    for (const [annotation, unit] of [['limit-rps', 'r/s'], ['limit-rpm', 'r/m']] as const) if (Number(l.annotations[annotation] ?? 0) > 0) out.add(`limit_req_zone $limit_${name}_${annotation.slice(6)} zone=${name}_${annotation.slice(6)}:5m rate=${l.annotations[annotation]}${unit};`)
    if (Number(l.annotations['limit-connections'] ?? 0) > 0) out.add(`limit_conn_zone $limit_${name} zone=${name}_conn:5m;`)
  }
  return [...out]
}

type Put = (depth: number, ...lines: readonly string[]) => void

function putServer(put: Put, s: Settings, server: Server, facts: ConfFacts): void {
  const proxy = s.flag('use-proxy-protocol') ? ' proxy_protocol' : ''
  const fallback = server.host === '_' ? ' default_server' : ''
  const reuse = fallback && s.flag('reuse-port') ? ' reuseport' : ''
  put(1, `## start server ${server.host}`, 'server {')
  put(2, `server_name ${server.host === '_' ? '_' : `"${server.host}"`}${server.aliases?.length ? ` ${server.aliases.join(' ')}` : ''} ;`, '', ...(s.flag('use-http2') ? ['http2 on;', ''] : []), `listen 80${proxy}${fallback}${reuse} backlog=4096 ;`, `listen 443${proxy}${fallback}${reuse} backlog=4096 ssl;`, '', 'set $proxy_upstream_name "-";', '', 'ssl_certificate_by_lua_file /etc/nginx/lua/nginx/ngx_conf_certificate.lua;', '')
  const own = (name: string) => server.locations.map((l) => l.annotations[name]).find((v) => v !== undefined)
  const clients = own('auth-tls-secret')
  if (clients) put(2, `ssl_client_certificate /etc/ingress-controller/ssl/ca-${clients.replace('/', '-')}.pem;`, `ssl_verify_client ${own('auth-tls-verify-client') ?? 'on'};`, `ssl_verify_depth ${own('auth-tls-verify-depth') ?? '1'};`, ...(own('auth-tls-error-page') ? [`error_page 495 496 = ${own('auth-tls-error-page')};`] : []))
  const ciphers = own('ssl-ciphers')
  if (ciphers) put(2, `ssl_ciphers ${ciphers};`)
  const prefer = own('ssl-prefer-server-ciphers')
  if (prefer !== undefined) put(2, `ssl_prefer_server_ciphers ${onOff(isTrue(prefer))};`)
  const snippet = own('server-snippet')
  if (snippet) put(2, '# Custom code snippet configured for host ' + server.host, snippet)
  if (s.text('server-snippet')) put(2, '# Custom code snippet configured in the configuration configmap', s.text('server-snippet'))
  const ordered = server.locations.some((l) => l.path === '/' || l.kind === 'regex') ? server.locations : [...server.locations, { path: '/', kind: 'prefix' as const, pattern: undefined, upstream: undefined, ingress: undefined, annotations: {} }]
  for (const location of ordered) for (const head of headsOf(location)) putLocation(put, s, server, location, head, facts)
  put(1, '}', `## end server ${server.host}`, '')
}

/** A prefix becomes two locations: the path itself and what lies below. */
function headsOf(l: Location): string[] {
  const path = l.path.replace(/\/$/, '')
  if (l.kind === 'regex') return [`~* "^${l.path}"`]
  if (l.kind === 'exact') return [`= "${l.path}"`]
  if (l.kind === 'plain') return [`"${l.path}"`].map((h) => (l.path === '/' ? '/' : h))
  return path === '' ? ['/'] : [`"${path}/"`, `= "${path}"`]
}

const grpcSchemes: Readonly<Record<string, string>> = { GRPC: 'grpc_pass grpc://upstream_balancer;', GRPCS: 'grpc_pass grpcs://upstream_balancer;', FCGI: 'fastcgi_pass upstream_balancer;', HTTPS: 'proxy_pass https://upstream_balancer;', AUTO_HTTP: 'proxy_pass $scheme://upstream_balancer;' }

function putLocation(put: Put, s: Settings, server: Server, l: Location, head: string, facts: ConfFacts): void {
  const a = l.annotations
  const custom = facts.customHeaders?.(l)
  const meta = l.ingress?.metadata
  put(2, `location ${head} {`)
  put(3, '', `set $namespace      "${meta?.namespace ?? ''}";`, `set $ingress_name   "${meta?.name ?? ''}";`, `set $service_name   "${l.upstream?.service ?? ''}";`, `set $service_port   "${l.upstream?.port ?? ''}";`, `set $location_path  "${l.path}";`, '')
  if (isTrue(a['enable-opentelemetry']) || s.flag('enable-opentelemetry')) put(3, 'opentelemetry on;', `opentelemetry_trust_incoming_spans ${onOff(s.flag('opentelemetry-trust-incoming-span'))};`, ...(s.text('opentelemetry-operation-name') ? [`opentelemetry_operation_name "${s.text('opentelemetry-operation-name')}";`] : []))
  if (isTrue(a['enable-rewrite-log'])) put(3, 'rewrite_log on;')
  if (isTrue(a['http2-push-preload'])) put(3, 'http2_push_preload on;')
  if (a['enable-access-log'] === 'false') put(3, 'access_log off;')
  put(3, 'port_in_redirect off;', '', 'set $balancer_ewma_score -1;', `set $proxy_upstream_name "${l.upstream ? upstreamName(l.upstream) : 'upstream-default-backend'}";`, 'set $proxy_host          $proxy_upstream_name;', 'set $pass_access_scheme  $scheme;', '')
  for (const [annotation, fallback] of [['denylist-source-range', ''], ['whitelist-source-range', s.text('whitelist-source-range')]] as const) {
    const list = (a[annotation] ?? fallback).split(',').map((c) => c.trim()).filter((c) => c !== '')
    for (const c of list) put(3, `${annotation === 'denylist-source-range' ? 'deny' : 'allow'} ${c};`)
    if (annotation === 'whitelist-source-range' && list.length > 0) put(3, 'deny all;')
  }
  const wall = a['enable-modsecurity'] === undefined ? undefined : isTrue(a['enable-modsecurity'])
  if (wall) put(3, ...modsecurity(true, isTrue(a['enable-owasp-core-rules']), a['modsecurity-snippet'] ?? ''), ...(a['modsecurity-transaction-id'] ? [`modsecurity_transaction_id "${a['modsecurity-transaction-id']}";`] : []))
  if (wall === false && s.flag('enable-modsecurity')) put(3, 'modsecurity off;')
  if (a['app-root']) put(3, `if ($uri = /) {`, `\treturn 302 $scheme://$http_host${a['app-root']};`, '}')
  for (const name of ['limit-rate', 'limit-rate-after'] as const) {
    const value = a[name] ?? s.text(name)
    if (value !== '0') put(3, `${name.replaceAll('-', '_')} ${value}k;`)
  }
  if (a['satisfy']) put(3, `satisfy ${a['satisfy']};`)
  if (isTrue(a['relative-redirects']) || s.flag('relative-redirects')) put(3, 'absolute_redirect off;')
  if (a['auth-type'] === 'basic') put(3, `auth_basic ${JSON.stringify(a['auth-realm'] ?? '')};`, `auth_basic_user_file /etc/ingress-controller/auth/${meta?.namespace}-${meta?.name}.passwd;`)
  putAuth(put, s, l)
  const name = `${meta?.namespace}_${meta?.name}`
  const burst = Number(a['limit-burst-multiplier'] ?? 5)
  for (const annotation of ['limit-rps', 'limit-rpm'] as const) if (Number(a[annotation] ?? 0) > 0) put(3, `limit_req zone=${name}_${annotation.slice(6)} burst=${Number(a[annotation]) * burst} nodelay;`)
  if (Number(a['limit-connections'] ?? 0) > 0) put(3, `limit_conn ${name}_conn ${a['limit-connections']};`)
  if (isTrue(a['enable-cors'])) putCors(put, l)
  for (const [k, v] of custom ?? []) put(3, `more_set_headers "${k}: ${v.replaceAll('$', '$ds')}";`)
  if (a['mirror-target']) put(3, `mirror ${'/_mirror-'}${meta?.name};`, `mirror_request_body ${a['mirror-request-body'] ?? 'on'};`)
  if (a['permanent-redirect']) put(3, `return ${redirectCode(a['permanent-redirect-code'], 301)} ${a['permanent-redirect']};`)
  if (a['temporal-redirect']) put(3, `return ${redirectCode(a['temporal-redirect-code'], 302)} ${a['temporal-redirect']};`)
  put(3, line(s, 'client_max_body_size', 'proxy-body-size').replace(s.text('proxy-body-size'), a['proxy-body-size'] ?? s.text('proxy-body-size')), ...(a['client-body-buffer-size'] ? [`client_body_buffer_size ${a['client-body-buffer-size']};`] : []), '')
  const grpc = /^GRPCS?$/.test(a['backend-protocol']?.toUpperCase() ?? '')
  const set = grpc ? 'grpc_set_header' : 'proxy_set_header'
  const forwarded = s.flag('use-forwarded-headers') || s.flag('enable-real-ip')
  put(3, `${set} Host                   ${a['upstream-vhost'] ? `"${a['upstream-vhost']}"` : '$best_http_host'};`, `${set} Upgrade                       $http_upgrade;`, `${set} Connection                    ${a['connection-proxy-header'] ?? '$connection_upgrade'};`, `${set} X-Request-ID           $req_id;`, `${set} X-Real-IP              $remote_addr;`)
  put(3, `${set} X-Forwarded-For        ${s.flag('compute-full-forwarded-for') ? '$full_x_forwarded_for' : '$remote_addr'};`, `${set} X-Forwarded-Host       $best_http_host;`, `${set} X-Forwarded-Port       $pass_port;`, `${set} X-Forwarded-Proto ${s.flag('enable-real-ip') && forwarded ? '$full_x_forwarded_proto' : '$pass_access_scheme'};`, `${set} X-Forwarded-Scheme     $pass_access_scheme;`, `${set} X-Scheme               $pass_access_scheme;`, ...(a['x-forwarded-prefix'] ? [`${set} X-Forwarded-Prefix "${a['x-forwarded-prefix']}";`] : []), `${set} X-Original-Forwarded-For $http_x_forwarded_for;`, `${set} Proxy                  "";`, '')
  const time = (name_: 'connect' | 'send' | 'read') => {
    const given = a[`proxy-${name_}-timeout`] ?? s.text(`proxy-${name_}-timeout`)
    return `proxy_${name_}_timeout                   ${/^\d+$/.test(given) ? given : { connect: 5, send: 60, read: 60 }[name_]}s;`
  }
  const tries = (what: 'timeout' | 'tries') => `proxy_next_upstream_${what}             ${a[`proxy-next-upstream-${what}`] ?? s.text(`proxy-next-upstream-${what}`)};`
  const size = a['proxy-buffer-size'] ?? s.text('proxy-buffer-size')
  put(3, time('connect'), time('send'), time('read'), '', `proxy_buffering                         ${a['proxy-buffering'] ?? s.text('proxy-buffering')};`, `proxy_buffer_size ${size};`, `proxy_buffers                           ${a['proxy-buffers-number'] ?? s.text('proxy-buffers-number')} ${size};`, `proxy_max_temp_file_size                ${a['proxy-max-temp-file-size'] ?? s.text('proxy-max-temp-file-size')};`, ...(a['proxy-busy-buffers-size'] || s.text('proxy-busy-buffers-size') ? [`proxy_busy_buffers_size                 ${a['proxy-busy-buffers-size'] || s.text('proxy-busy-buffers-size')};`] : []), ...Object.entries(facts.setHeaders ?? {}).map(([k, v]) => `${set} ${k} "${v}";`), '')
  put(3, `proxy_request_buffering                 ${a['proxy-request-buffering'] ?? s.text('proxy-request-buffering')};`, `proxy_http_version                      ${a['proxy-http-version'] ?? s.text('proxy-http-version')};`, '', `proxy_cookie_domain                     ${a['proxy-cookie-domain'] ?? s.text('proxy-cookie-domain')};`, `proxy_cookie_path                       ${a['proxy-cookie-path'] ?? s.text('proxy-cookie-path')};`, '', ...proxySsl(l))
  put(3, `proxy_next_upstream                     ${a['proxy-next-upstream'] ?? s.text('proxy-next-upstream')}${s.flag('retry-non-idempotent') ? ' non_idempotent' : ''};`, tries('timeout'), tries('tries'), '')
  if (a['configuration-snippet']) put(3, a['configuration-snippet'])
  if (s.text('location-snippet')) put(3, s.text('location-snippet'))
  const errors = (a['custom-http-errors'] ?? '').split(',').map((c) => c.trim()).filter((c) => c !== '')
  if (errors.length > 0) put(3, 'proxy_intercept_errors on;', ...errors.map((code) => `error_page ${code} = @custom_${a['default-backend'] ? `custom-default-backend-${meta?.namespace}-${a['default-backend']}` : 'upstream-default-backend'}_${code};`))
  if (a['rewrite-target']) put(3, `rewrite "(?i)${l.path}" ${a['rewrite-target']} break;`)
  if (a['backend-protocol']?.toUpperCase() === 'FCGI') put(3, 'include /etc/nginx/fastcgi_params;', ...(a['fastcgi-index'] ? [`fastcgi_index "${a['fastcgi-index']}";`] : []), ...Object.entries(facts.fastCgiParams?.(l) ?? {}).map(([k, v]) => `fastcgi_param ${k} "${v}";`))
  put(3, l.upstream === undefined && server.host !== '_' ? 'proxy_pass http://upstream_balancer;' : (grpcSchemes[a['backend-protocol']?.toUpperCase() ?? ''] ?? 'proxy_pass http://upstream_balancer;'), '', `proxy_redirect                          ${redirectOf(a['proxy-redirect-from'] ?? s.text('proxy-redirect-from'), a['proxy-redirect-to'] ?? s.text('proxy-redirect-to'))};`, '')
  put(2, '}', '')
}

const redirectOf = (from: string, to: string) => (from === 'off' || from === 'default' ? from : `${from} ${to}`)

function proxySsl(l: Location): string[] {
  const a = l.annotations
  const names: readonly (readonly [annotation: string, directive: string])[] = [['proxy-ssl-ciphers', 'proxy_ssl_ciphers'], ['proxy-ssl-protocols', 'proxy_ssl_protocols'], ['proxy-ssl-verify', 'proxy_ssl_verify'], ['proxy-ssl-verify-depth', 'proxy_ssl_verify_depth'], ['proxy-ssl-name', 'proxy_ssl_name'], ['proxy-ssl-server-name', 'proxy_ssl_server_name']]
  const secret = a['proxy-ssl-secret']
  const pem = `/etc/ingress-controller/ssl/${secret?.replace('/', '-')}.pem`
  return secret === undefined ? [] : [`proxy_ssl_certificate ${pem};`, `proxy_ssl_certificate_key ${pem};`, `proxy_ssl_trusted_certificate ${pem.replace('/ssl/', '/ssl/ca-')};`, ...names.flatMap(([k, d]) => (a[k] !== undefined ? [`${d} ${a[k]};`] : []))]
}

function putAuth(put: Put, s: Settings, l: Location): void {
  const a = l.annotations
  const global = globalAuth(s) && a['enable-global-auth'] !== 'false' && !s.list('no-auth-locations').some((path) => l.path.startsWith(path))
  const url = a['auth-url'] ?? (global ? s.text('global-auth-url') : '')
  if (!url) return
  const method = a['auth-method'] ?? s.text('global-auth-method')
  const headers = (a['auth-response-headers'] ?? s.text('global-auth-response-headers')).split(',').map((h) => h.trim()).filter((h) => h !== '')
  const signin = a['auth-signin'] ?? s.text('global-auth-signin')
  const redirect = a['auth-request-redirect'] ?? s.text('global-auth-request-redirect')
  const snippet = a['auth-snippet'] ?? s.text('global-auth-snippet')
  put(3, '# this location requires authentication', 'auth_request        /_external-auth;', 'auth_request_set    $auth_cookie $upstream_http_set_cookie;', ...(isTrue(a['auth-always-set-cookie']) || s.flag('global-auth-always-set-cookie') ? ['add_header          Set-Cookie $auth_cookie always;'] : ['add_header          Set-Cookie $auth_cookie;']))
  put(3, ...headers.map((h, i) => `auth_request_set $authHeader${i} $upstream_http_${h.toLowerCase().replaceAll('-', '_')};`), ...headers.map((h, i) => `proxy_set_header '${h}' $authHeader${i};`), ...(signin ? [`set_escape_uri $escaped_request_uri $request_uri;`, `error_page 401 = ${signin};`] : []), ...(method ? [`proxy_method ${method};`] : []))
  put(3, ...(s.text('global-auth-cache-key') ? [`proxy_cache_key "${s.text('global-auth-cache-key')}";`, `proxy_cache_valid ${s.text('global-auth-cache-duration')};`] : []), ...(redirect ? [`proxy_set_header X-Auth-Request-Redirect ${redirect};`] : ['proxy_set_header X-Auth-Request-Redirect $request_uri;']), ...(snippet ? [snippet] : []), `# auth-url ${url}`, '')
}

function putCors(put: Put, l: Location): void {
  const a = l.annotations
  const origins = (a['cors-allow-origin'] ?? '').split(',').map((o) => o.trim()).filter((o) => o !== '')
  put(3, '# Cors Preflight methods needs additional options and different Return Code', ...(origins.length === 0 || origins.includes('*') ? ['set $http_origin *;', "set $cors 'true';"] : [`if ($http_origin ~* (${origins.map((o) => o.replace(/[.+?^${}()|[\]\\/]/g, '\\$&').replace('*', '[A-Za-z0-9\\-]+')).join('|')})$ ) { set $cors 'true'; }`]))
  const rows = [`more_set_headers 'Access-Control-Allow-Origin: $http_origin';`, ...(a['cors-allow-credentials'] === undefined || isTrue(a['cors-allow-credentials']) ? [`more_set_headers 'Access-Control-Allow-Credentials: true';`] : []), `more_set_headers 'Access-Control-Allow-Methods: ${a['cors-allow-methods'] ?? 'GET, PUT, POST, DELETE, PATCH, OPTIONS'}';`, `more_set_headers 'Access-Control-Allow-Headers: ${a['cors-allow-headers'] ?? 'DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization'}';`, ...(a['cors-expose-headers'] ? [`more_set_headers 'Access-Control-Expose-Headers: ${a['cors-expose-headers']}';`] : []), `more_set_headers 'Access-Control-Max-Age: ${a['cors-max-age'] ?? '1728000'}';`]
  put(3, `if ($request_method = 'OPTIONS') { set $cors \${cors}options; }`, `if ($cors = "true") {`, ...rows.map((r) => `\t${r}`), '}', `if ($cors = "trueoptions") {`, ...rows.map((r) => `\t${r}`), `\tmore_set_headers 'Content-Type: text/plain charset=UTF-8';`, `\tmore_set_headers 'Content-Length: 0';`, '\treturn 204;', '}', '')
}
