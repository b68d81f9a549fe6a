import { expect, test } from 'vitest'
import { Aggregate, ApiError, ConnectError, describeFailure, Failure } from '#programs/kubectl/cli/errors.ts'
import { FlagError, Flags, flagsOf } from '#programs/kubectl/cli/flags.ts'
import { helpOf } from '#programs/kubectl/cli/help.ts'
import { suggestionsFor } from '#programs/kubectl/cli/suggest.ts'
import { findCommand } from '#programs/kubectl/find.ts'

const parse = (path: string, ...words: string[]) => {
  const flags = new Flags(flagsOf(path))
  const { args, dash } = flags.parse(words)
  return { flags, args, dash }
}
const complaint = (path: string, ...words: string[]): string => {
  try {
    parse(path, ...words)
    return ''
  } catch (error) {
    return error instanceof FlagError ? error.message : String(error)
  }
}

test('flags in all their forms', () => {
  const { flags, args, dash } = parse('kubectl get', 'pods', '-nshop', '-o=name', '--selector', 'a=b', '-Aw', '--', '-x')
  expect([flags.string('namespace'), flags.string('output'), flags.string('selector'), flags.bool('all-namespaces'), flags.bool('watch'), args, dash]).toEqual(['shop', 'name', 'a=b', true, true, ['pods', '-x'], 1])
  expect(parse('kubectl create configmap', '--from-literal=a=1,2', '--from-literal=b=3').flags.list('from-literal')).toEqual(['a=1,2', 'b=3'])
  expect(parse('kubectl create role', '--verb=get,list', '--verb=watch').flags.list('verb')).toEqual(['get', 'list', 'watch'])
  expect(parse('kubectl apply', '--dry-run').flags.string('dry-run')).toBe('unchanged')
})
test('wrong flags are refused in pflag\'s words', () => {
  expect(complaint('kubectl get', '--nosuch')).toBe('unknown flag: --nosuch')
  expect(complaint('kubectl get', '-z')).toBe("unknown shorthand flag: 'z' in -z")
  expect(complaint('kubectl get', '-o')).toBe("flag needs an argument: 'o' in -o")
  expect(complaint('kubectl get', '--sort-by')).toBe('flag needs an argument: --sort-by')
  expect(complaint('kubectl create deployment', '--replicas=two')).toBe('invalid argument "two" for "-r, --replicas" flag: strconv.ParseInt: parsing "two": invalid syntax')
  expect(complaint('kubectl wait', '--timeout=5')).toBe('invalid argument "5" for "--timeout" flag: time: missing unit in duration "5"')
})
test('commands are found by alias and past flags', () => {
  expect(findCommand(['-n', 'shop', 'create', 'deploy', 'web'])).toEqual({ path: 'kubectl create deployment', rest: ['-n', 'shop', 'web'] })
  expect(suggestionsFor('gett')).toBe('\nDid you mean this?\n\tset\n\tget\n')
  expect(suggestionsFor('deploy')).toBe('')
  expect(helpOf('kubectl config use-context')).toBe('Set the current-context in a kubeconfig file.\n\nAliases:\nuse-context, use\n\nExamples:\n  # Use the context for the minikube cluster\n  kubectl config use-context minikube\n\nUsage:\n  kubectl config use-context CONTEXT_NAME [options]\n\nUse "kubectl options" for a list of global command-line options (applies to all commands).\n')
})

const status = (reason: string, message: string, details?: object) => new ApiError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason, message, ...(details ? { details } : {}) })

test('failures as kubectl prints them', () => {
  expect(describeFailure(new Failure('no objects passed to apply'))).toEqual({ text: 'error: no objects passed to apply', code: 1 })
  expect(describeFailure(status('NotFound', 'pods "a" not found')).text).toBe('Error from server (NotFound): pods "a" not found')
  expect(describeFailure(status('Unauthorized', 'Unauthorized')).text).toBe('error: You must be logged in to the server (Unauthorized)')
  expect(describeFailure(status('Invalid', '…', { kind: 'Pod', name: 'a', causes: [{ field: 'spec.x', message: 'Required value' }] })).text).toBe('The Pod "a" is invalid: spec.x: Required value')
  expect(describeFailure(status('Invalid', '…', { kind: 'Pod', name: 'a', causes: [{ field: 'b', message: 'B' }, { field: 'c', message: 'C' }] })).text).toBe('The Pod "a" is invalid: \n* b: B\n* c: C\n')
  expect(describeFailure(new ConnectError('GET', 'https://172.30.1.2:6443/api', 'dial tcp 172.30.1.2:6443: connect: connection refused')).text).toBe('The connection to the server 172.30.1.2:6443 was refused - did you specify the right host or port?')
  expect(describeFailure(new ConnectError('GET', 'https://x:6443/api', 'dial tcp: lookup x on 10.96.0.10:53: no such host')).text).toBe('Unable to connect to the server: dial tcp: lookup x on 10.96.0.10:53: no such host')
  expect(describeFailure(new Aggregate([status('NotFound', 'a'), new Failure('b')])).text).toBe('Error from server (NotFound): a\nb\n')
})
