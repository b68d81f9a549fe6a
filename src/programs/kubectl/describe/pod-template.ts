export function podTemplateText(_template: Record<string, unknown>): string {
  return ''
}
