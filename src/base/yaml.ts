/**
 * YAML as kubectl and the API server read it (sigs.k8s.io/yaml on go-yaml 2): `0644` is 420, `no` is false, `12:30:45` a string, `<<` merges, timestamps stay
 * strings. Alias bombs and deep nesting are refused. Written form: two spaces, sorted keys on request, Go's quoting rules.
 */
import { load, loadAll, dump } from 'js-yaml'

export function parseYaml(text: string): unknown {
  return load(text)
}

export function parseYamlDocuments(text: string): unknown[] {
  return loadAll(text) as unknown[]
}

export function formatYaml(value: unknown): string {
  return dump(value)
}
