/** An API server with all built-in kinds, kubeadm's admission plugins and the objects of a fresh control plane. */
import { ApiServer, type ApiServerOptions } from '#engine/api/server.ts'
import { kubeadmAdmission } from './admission/all.ts'
import { fieldOrder } from './field-order.ts'
import { bootstrapObjects, builtinKinds, schemas } from './all.ts'

export type BuildOptions = Omit<ApiServerOptions, 'kinds' | 'schemas' | 'bootstrap' | 'admission'> & { readonly caCertificate?: string }

export function buildApiServer(options: BuildOptions): ApiServer {
  const now = new Date(options.sim.now).toISOString().slice(0, 19) + 'Z'
  return new ApiServer({
    ...options,
    kinds: builtinKinds(),
    schemas,
    fieldOrder,
    admission: kubeadmAdmission,
    bootstrap: bootstrapObjects({ now, ...(options.advertiseAddress ? { advertiseAddress: options.advertiseAddress } : {}), ...(options.caCertificate ? { caCertificate: options.caCertificate } : {}) }),
  })
}
