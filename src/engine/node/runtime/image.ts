/**
 * What a container image is to the runtime: the configuration that an image registry would serve (entry point, command, environment,
 * user, ports), the files it unpacks, and the behaviour of the programs in it. One value per image; tables of them are handed to the
 * runtime by the composition root. Layers and digests are modelled only as far as `describe` shows them.
 */
import type { ApiClient, KubeObject } from '#engine/api/types.ts'
import type { Machine } from '#engine/machine/machine.ts'
import type { Process } from '#engine/machine/process.ts'

/** What a program of an image may use beyond its Process: the ties that a pod has to its cluster and node. */
export interface ContainerContext {
  /**
   * The API as the pod's service account sees it; unreachable while the API server is down. Closed when the process ends,
   * so informers and queues fed by it fall silent by themselves.
   */
  readonly api: ApiClient
  /** The same by another address than that of the Service: the `server` of a kubeconfig. */
  apiAt?(server: string): ApiClient
  /** Calls `tell` for every round of lists that fail while the server is out of reach; `why` in Go's words. */
  lostWatches?(tell: (server: string, why: string, fresh: boolean) => void, server?: string): void
  /** The pod as last seen by the kubelet. */
  readonly pod: () => KubeObject
  readonly container: string
  readonly nodeName: string
  /** The node that the container runs on. For host-network, privileged containers (kube-proxy, CNI daemons, policy agents): its namespace, sysctls and netfilter are theirs to write. */
  readonly node: Machine
  /** Called once when the process has ended, however it ended (return, signal, kill): stop timers, close watches. State left in the kernel stays. */
  onExit(listener: () => void): void
  /** Resolves when SIGTERM or SIGINT arrives: what a daemon awaits after it has set up its informers, sockets and timers. */
  terminated(): Promise<void>
}

export type ContainerProgram = (process: Process, context: ContainerContext) => Promise<number>

export interface ImageFile {
  readonly text: string
  /** Permission bits, default 0644. */
  readonly mode?: number
}

/** Users of an image's /etc/passwd beyond root; `USER` names one of them or is a number. */
export interface ImageUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home?: string
  readonly shell?: string
}

export interface ImageBehaviour {
  /** Normalised repository: `docker.io/library/nginx`, `registry.k8s.io/coredns/coredns`. */
  readonly repository: string
  /** Tags that the registry holds, the first being what `latest` means unless `latest` is named. A pull of another tag is "not found". */
  readonly tags: readonly string[]
  /** More tags, by rule: every published `major.minor` with its last patch ('1.25': 5 means 1.25, 1.25.0 … 1.25.5; -1: without patches), each also with the endings of `variants`. */
  readonly versions?: Readonly<Record<string, number>>
  /** Endings of tags beside none: `-alpine`. A tag that ends so runs the build of that name without the dash, where `builds` has one. */
  readonly variants?: readonly string[]
  /** The variable that tells the version that was pulled. */
  readonly versionVariable?: string
  /** Compressed bytes, for the Pulled event and pull times. */
  readonly size: number
  /** When its files were made, ms since the epoch; default: autumn 2025. */
  readonly created?: number
  readonly entrypoint?: readonly string[]
  readonly command?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** `USER` of the image: a name, a number, `uid:gid`; default root. */
  readonly user?: string
  readonly users?: readonly ImageUser[]
  readonly workdir?: string
  readonly exposedPorts?: readonly number[]
  readonly stopSignal?: 'SIGTERM' | 'SIGQUIT' | 'SIGINT'
  /** Absolute paths. Directories are made as needed; a path ending in `/` is an empty directory. */
  readonly files?: Readonly<Record<string, string | ImageFile>>
  /** Symbolic links: path → target. */
  readonly links?: Readonly<Record<string, string>>
  /** Executables with a behaviour of their own: absolute path → program. */
  readonly programs?: Readonly<Record<string, ContainerProgram>>
  /** Executables that every host knows (shell, coreutils, net tools): absolute path → name in the cluster's ProgramTable. */
  readonly tools?: Readonly<Record<string, string>>
  /** Tags that stand for another build of the image (`alpine`); the repository stays the same. */
  readonly builds?: Readonly<Record<string, ImageBehaviour>>
}

/** Images by repository, as the addons, images and node rooms export them. */
export type ImageTable = ReadonlyMap<string, ImageBehaviour>
