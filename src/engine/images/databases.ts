/** mysql, postgres and redis as far as networking labs need them: they demand what the real images demand, listen, and greet. No queries. */
import { FsError } from '#engine/machine/files.ts'
import type { Process } from '#engine/machine/process.ts'
import type { Connection } from '#engine/machine/sockets.ts'
import type { ImageBehaviour } from '#engine/node/runtime/image.ts'
import { debianTools } from './tools.ts'
import { untilStopped } from './web-server.ts'

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

async function greet(process: Process, port: number, converse: (connection: Connection) => Promise<void>): Promise<number> {
  let listener
  try {
    listener = process.sockets.listen('0.0.0.0', port)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    await process.stderr.write(`could not bind 0.0.0.0:${port}: ${error.message}\n`)
    return 1
  }
  void (async () => {
    for (;;) {
      const connection = await listener.accept()
      void converse(connection).catch((error: unknown) => {
        if (!(error instanceof FsError)) throw error
      })
    }
  })()
  return untilStopped(process)
}

const isoTime = (now: number) => new Date(Math.floor(now)).toISOString()

export const mysql: ImageBehaviour = {
  repository: 'docker.io/library/mysql',
  tags: ['8.4', '8.0', '8', '9', '9.5', '5.7', '5.6', 'latest'], versions: { '5.6': 51, '5.7': 44, '8.0': 44, '8.4': 7, '9.5': 0 },
  size: 233_900_112,
  entrypoint: ['docker-entrypoint.sh'],
  command: ['mysqld'],
  env: { PATH: path, MYSQL_MAJOR: '8.4' },
  users: [{ name: 'mysql', uid: 999, gid: 999, home: '/var/lib/mysql' }],
  exposedPorts: [3306, 33060],
  files: { '/var/lib/mysql/': '' },
  tools: debianTools,
  programs: {
    '/usr/local/bin/docker-entrypoint.sh': async (process) => {
      const now = () => `${isoTime(process.now()).slice(0, 19).replace('T', ' ')}+00:00`
      await process.stdout.write(`${now()} [Note] [Entrypoint]: Entrypoint script for MySQL Server 8.4.7-1.el9 started.\n`)
      if (!['MYSQL_ROOT_PASSWORD', 'MYSQL_ALLOW_EMPTY_PASSWORD', 'MYSQL_RANDOM_ROOT_PASSWORD'].some((name) => process.env.get(name))) {
        await process.stderr.write(`${now()} [ERROR] [Entrypoint]: Database is uninitialized and password option is not specified\n    You need to specify one of the following as an environment variable:\n    - MYSQL_ROOT_PASSWORD\n    - MYSQL_ALLOW_EMPTY_PASSWORD\n    - MYSQL_RANDOM_ROOT_PASSWORD\n`)
        return 1
      }
      await process.stdout.write(`${now()} [Note] [Entrypoint]: Initializing database files\n`)
      await process.sleep(4000)
      await process.stdout.write(`${now()} [Note] [Entrypoint]: MySQL init process done. Ready for start up.\n`)
      await process.stderr.write(`${isoTime(process.now())} 0 [System] [MY-010931] [Server] /usr/sbin/mysqld: ready for connections. Version: '8.4.7'  socket: '/var/run/mysqld/mysqld.sock'  port: 3306  MySQL Community Server - GPL.\n`)
      return greet(process, 3306, async (connection) => {
        await connection.write('I\x00\x00\x00\n8.4.7\x00')
        while ((await connection.read()) !== undefined);
        connection.end()
      })
    },
  },
}

export const postgres: ImageBehaviour = {
  repository: 'docker.io/library/postgres',
  tags: ['17', '16', '15', '14', '13', '18', 'latest', '17-alpine', '16-alpine', '15-alpine', 'alpine'],
  size: 161_200_400,
  entrypoint: ['docker-entrypoint.sh'],
  command: ['postgres'],
  env: { PATH: `${path}:/usr/lib/postgresql/17/bin`, PGDATA: '/var/lib/postgresql/data', PG_MAJOR: '17' },
  users: [{ name: 'postgres', uid: 999, gid: 999, home: '/var/lib/postgresql', shell: '/bin/bash' }],
  exposedPorts: [5432],
  stopSignal: 'SIGINT',
  files: { '/var/lib/postgresql/data/': '' },
  tools: debianTools,
  programs: {
    '/usr/local/bin/docker-entrypoint.sh': async (process) => {
      if (!process.env.get('POSTGRES_PASSWORD') && process.env.get('POSTGRES_HOST_AUTH_METHOD') !== 'trust') {
        await process.stderr.write(
          'Error: Database is uninitialized and superuser password is not specified.\n       You must specify POSTGRES_PASSWORD to a non-empty value for the\n       superuser. For example, "-e POSTGRES_PASSWORD=password" on "docker run".\n\n       You may also use "POSTGRES_HOST_AUTH_METHOD=trust" to allow all\n       connections without a password. This is *not* recommended.\n\n       See PostgreSQL documentation about "trust":\n       https://www.postgresql.org/docs/current/auth-trust.html\n',
        )
        return 1
      }
      await process.sleep(1500)
      const log = (text: string) => process.stderr.write(`${isoTime(process.now()).slice(0, 23).replace('T', ' ')} UTC [${process.pid}] LOG:  ${text}\n`)
      await process.stdout.write('\nPostgreSQL init process complete; ready for start up.\n\n')
      await log('listening on IPv4 address "0.0.0.0", port 5432')
      await log('database system is ready to accept connections')
      return greet(process, 5432, async (connection) => {
        const hello = await connection.read()
        if (hello !== undefined) await connection.write('N')
        while ((await connection.read()) !== undefined);
        connection.end()
      })
    },
  },
}

/** The few commands that readiness probes and curious learners send. */
function redisReply(line: string, data: Map<string, string>): string {
  const [command = '', key = '', ...rest] = line.split(/\s+/)
  switch (command.toUpperCase()) {
    case 'PING':
      return key ? `$${key.length}\r\n${key}\r\n` : '+PONG\r\n'
    case 'SET':
      data.set(key, rest[0] ?? '')
      return '+OK\r\n'
    case 'GET': {
      const value = data.get(key)
      return value === undefined ? '$-1\r\n' : `$${value.length}\r\n${value}\r\n`
    }
    case 'INCR': {
      const next = Number(data.get(key) ?? 0) + 1
      data.set(key, String(next))
      return `:${next}\r\n`
    }
    default:
      return `-ERR unknown command '${command}', with args beginning with: \r\n`
  }
}

export const redis: ImageBehaviour = {
  repository: 'docker.io/library/redis',
  tags: ['8', '7', '7.4', '7.2', '6', '6.2', 'latest', 'alpine', '7-alpine', '8-alpine', '6-alpine', '5', '3.2'],
  versions: { '3.2': 12, '4.0': 14, '5.0': 14, '6.0': 20, '6.2': 21, '7.0': 15, '7.2': 12, '7.4': 7, '8.0': 5, '8.2': 3, '8.4': 0 }, variants: ['-alpine', '-bookworm'],
  size: 52_100_800,
  entrypoint: ['docker-entrypoint.sh'],
  command: ['redis-server'],
  env: { PATH: path, REDIS_VERSION: '8.4.0' },
  users: [{ name: 'redis', uid: 999, gid: 1000, home: '/data' }],
  exposedPorts: [6379],
  workdir: '/data',
  files: { '/data/': '' },
  tools: debianTools,
  programs: {
    '/usr/local/bin/docker-entrypoint.sh': async (process) => {
      const argv = process.argv.slice(1)
      if (argv[0] !== 'redis-server' && argv[0] !== undefined && !argv[0].startsWith('-')) return process.exec ? process.exec({ argv }) : (await process.spawn({ argv }).wait()).code
      const at = argv.indexOf('--port')
      const port = at >= 0 ? Number(argv[at + 1]) : 6379
      const data = new Map<string, string>()
      const d = new Date(Math.floor(process.now())).toUTCString()
      await process.stdout.write(`1:M ${d.slice(5, 16)} ${d.slice(17, 25)}.000 * Ready to accept connections tcp\n`)
      return greet(process, port, async (connection) => {
        for (;;) {
          const text = await connection.read()
          if (text === undefined) break
          for (const line of text.split('\r\n').join('\n').split('\n')) {
            const plain = line.trim()
            if (plain === '' || /^[*$]\d+$/.test(plain)) continue
            if (plain.toUpperCase() === 'QUIT') {
              await connection.write('+OK\r\n')
              connection.end()
              return
            }
            await connection.write(redisReply(plain, data))
          }
        }
        connection.end()
      })
    },
  },
}
