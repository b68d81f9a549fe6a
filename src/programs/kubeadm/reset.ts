import { Failure, type Run } from './run.ts'

export async function runReset(run: Run): Promise<void> {
  throw new Failure(`${run.path} is not simulated here`)
}
