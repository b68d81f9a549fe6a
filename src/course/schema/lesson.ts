/** The front matter of lesson.md and of module.yaml. */
import { z } from 'zod'
import { strict } from './strict.ts'

export const lessonFront = strict({
  title: z.string().min(3),
  minutes: z.number().int().min(1).max(90),
  cluster: z.string(),
})
export type LessonFront = z.infer<typeof lessonFront>

export const moduleFile = strict({ title: z.string().min(3), summary: z.string().min(10) })

/** ```trace fences. */
export const traceBlock = strict({ from: z.string(), to: z.string(), port: z.number().int().min(1).max(65535), protocol: z.enum(['tcp', 'udp']).default('tcp') })

/** ```quiz fences. */
export const quizBlock = strict({
  question: z.string().min(5),
  choices: z.array(strict({ text: z.string().min(1), right: z.boolean().default(false), because: z.string().min(3) })).min(2),
})

export const mapBlock = strict({ select: z.string().optional() })
