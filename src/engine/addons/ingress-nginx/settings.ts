/** The controller's ConfigMap: its keys with upstream's defaults (controller v1.14). Keys that are not named here have no effect. */
export const settingDefaults = {
  'access-log-params': '', 'access-log-path': '/var/log/nginx/access.log', 'brotli-level': '4', 'brotli-min-length': '20', 'brotli-types': 'application/xml+rss application/atom+xml application/javascript application/x-javascript application/json application/rss+xml application/vnd.ms-fontobject application/x-font-ttf application/x-web-app-manifest+json application/xhtml+xml application/xml font/opentype image/svg+xml image/x-icon text/css text/javascript text/plain text/x-component',
  'enable-modsecurity': 'false', 'enable-owasp-modsecurity-crs': 'false', 'gzip-disable': '', 'gzip-min-length': '256', 'gzip-types': 'application/atom+xml application/javascript application/x-javascript application/json application/rss+xml application/vnd.ms-fontobject application/x-font-ttf application/x-web-app-manifest+json application/xhtml+xml application/xml font/opentype image/svg+xml image/x-icon text/css text/javascript text/plain text/x-component',
  'http-access-log-path': '', 'modsecurity-snippet': '', 'proxy-busy-buffers-size': '', 'proxy-max-temp-file-size': '1024m', 'proxy-cookie-domain': 'off', 'proxy-cookie-path': 'off', 'proxy-http-version': '1.1', 'ssl-dh-param': '', 'stream-access-log-path': '', 'add-headers': '', 'allow-backend-server-header': 'false', 'allow-cross-namespace-resources': 'false', 'allow-snippet-annotations': 'false', 'annotation-value-word-blocklist': '', 'annotations-risk-level': 'High', 'block-cidrs': '', 'block-referers': '', 'block-user-agents': '',
  'client-body-buffer-size': '8k', 'client-body-timeout': '60', 'client-header-buffer-size': '1k', 'client-header-timeout': '60', 'compute-full-forwarded-for': 'false', 'custom-http-errors': '', 'disable-access-log': 'false', 'disable-http-access-log': 'false',
  'disable-stream-access-log': 'false', 'enable-access-log-for-default-backend': 'false', 'enable-brotli': 'false', 'enable-multi-accept': 'true', 'enable-opentelemetry': 'false', 'enable-real-ip': 'false', 'enable-underscores-in-headers': 'false', 'error-log-level': 'notice',
  'error-log-path': '/var/log/nginx/error.log', 'force-ssl-redirect': 'false', 'forwarded-for-header': 'X-Forwarded-For', 'generate-request-id': 'true', 'global-allowed-response-headers': '', 'global-auth-url': '', 'global-auth-method': '', 'global-auth-signin': '',
  'global-auth-response-headers': '', 'global-auth-request-redirect': '', 'global-auth-always-set-cookie': 'false', 'global-auth-snippet': '', 'global-auth-cache-key': '', 'global-auth-cache-duration': '200 202 401 5m', 'global-rate-limit-status-code': '429', 'grpc-buffer-size-kb': '0', 'gzip-level': '1', 'hide-headers': '', hsts: 'true', 'hsts-include-subdomains': 'true',
  'hsts-max-age': '31536000', 'hsts-preload': 'false', 'http-redirect-code': '308', 'http-snippet': '', 'http2-max-concurrent-streams': '128', 'ignore-invalid-headers': 'true', 'keep-alive': '75', 'keep-alive-requests': '1000', 'large-client-header-buffers': '4 8k', 'limit-conn-status-code': '503',
  'limit-rate': '0', 'limit-rate-after': '0', 'limit-req-status-code': '503', 'load-balance': 'round_robin', 'location-snippet': '', 'log-format-escape-json': 'false', 'log-format-escape-none': 'false',
  'log-format-upstream': '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time $upstream_status $req_id',
  'lua-shared-dicts': '', 'main-snippet': '', 'map-hash-bucket-size': '64', 'max-worker-connections': '16384', 'max-worker-open-files': '0', 'no-auth-locations': '/.well-known/acme-challenge', 'no-tls-redirect-locations': '/.well-known/acme-challenge', 'opentelemetry-operation-name': '',
  'opentelemetry-trust-incoming-span': 'true', 'otlp-collector-host': '', 'proxy-body-size': '1m', 'proxy-buffer-size': '4k', 'proxy-buffering': 'off', 'proxy-buffers-number': '4', 'proxy-connect-timeout': '5', 'proxy-headers-hash-bucket-size': '64', 'proxy-headers-hash-max-size': '512', 'proxy-next-upstream': 'error timeout',
  'proxy-next-upstream-timeout': '0', 'proxy-next-upstream-tries': '3', 'proxy-read-timeout': '60', 'proxy-real-ip-cidr': '0.0.0.0/0', 'proxy-redirect-from': 'off', 'proxy-redirect-to': 'off', 'proxy-request-buffering': 'on', 'proxy-send-timeout': '60', 'proxy-set-headers': '', 'relative-redirects': 'false', 'retry-non-idempotent': 'false',
  'reuse-port': 'true', 'server-name-hash-bucket-size': '32', 'server-name-hash-max-size': '1024', 'server-snippet': '', 'server-tokens': 'false', 'service-upstream': 'false', 'ssl-buffer-size': '4k',
  'ssl-ciphers': 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384', 'ssl-ecdh-curve': 'auto', 'ssl-protocols': 'TLSv1.2 TLSv1.3', 'ssl-redirect': 'true',
  'ssl-session-cache': 'true', 'ssl-session-cache-size': '10m', 'ssl-session-ticket-key': '', 'ssl-session-tickets': 'false', 'ssl-session-timeout': '10m', 'stream-snippet': '', 'strict-validate-path-type': 'true', 'upstream-keepalive-connections': '320', 'upstream-keepalive-requests': '10000', 'upstream-keepalive-timeout': '60',
  'use-forwarded-headers': 'false', 'use-gzip': 'false', 'use-http2': 'true', 'use-proxy-protocol': 'false', 'variables-hash-bucket-size': '256', 'variables-hash-max-size': '2048', 'vts-status-zone-size': '10m', 'whitelist-source-range': '', 'denylist-source-range': '', 'worker-cpu-affinity': '', 'worker-processes': 'auto', 'worker-shutdown-timeout': '240s',
} as const

export type SettingName = keyof typeof settingDefaults

export class Settings {
  readonly #data: Readonly<Record<string, string>>

  constructor(data: Readonly<Record<string, string>> = {}) {
    this.#data = data
  }
  text(name: SettingName): string {
    const given = this.#data[name]
    return given === undefined ? settingDefaults[name] : given.trim()
  }
  /** Set in the ConfigMap? */
  given(name: SettingName): boolean {
    return this.#data[name] !== undefined
  }
  flag(name: SettingName): boolean {
    return /^(1|t|T|TRUE|true|True)$/.test(this.text(name))
  }
  list(name: SettingName): string[] {
    return this.text(name).split(',').map((t) => t.trim()).filter((t) => t !== '')
  }
}

export const usualSettings = new Settings()
