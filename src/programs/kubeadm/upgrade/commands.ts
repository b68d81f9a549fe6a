import { Failure, type Run } from '../run.ts'

const missing = async (run: Run): Promise<void> => {
  throw new Failure(`${run.path} is not simulated here`)
}

export const upgradeCommands: Readonly<Record<string, (run: Run) => Promise<void>>> = { 'kubeadm upgrade apply': missing, 'kubeadm upgrade node': missing }
