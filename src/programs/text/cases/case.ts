/** A script that was run by the real programs. */
export type RecordedCase = readonly [script: string, stdout: string, stderr: string, exit: number]
