/** Which engine this is: a hash of its sources that the build puts in. Two builds with the same hash replay a log to the byte. */
declare const ENGINE_BUILD: string | undefined

export const engineBuild = typeof ENGINE_BUILD === 'string' ? ENGINE_BUILD : 'source'
