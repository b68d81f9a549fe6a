/** Which strategy serves which resource: `plural.group`, or `plural.group/version` where versions differ. */
import type { KindDefinition, Strategy } from '#engine/api/kind.ts'

export const strategies: Readonly<Record<string, Strategy & Partial<KindDefinition>>> = {}
