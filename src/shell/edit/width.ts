/** How many columns characters take on a terminal, and texts without what a terminal does not show. */

export function charWidth(c: string): number {
  const code = c.codePointAt(0)!
  if (code < 32 || (code >= 0x7f && code < 0xa0)) return 0
  if ((code >= 0x300 && code <= 0x36f) || code === 0x200d || (code >= 0xfe00 && code <= 0xfe0f) || (code >= 0x200b && code <= 0x200f)) return 0
  if (
    (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0x303e) || (code >= 0x3041 && code <= 0xa4cf) || (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) || (code >= 0xffe0 && code <= 0xffe6) || (code >= 0x1f300 && code <= 0x1f64f) || (code >= 0x1f680 && code <= 0x1faff) || (code >= 0x20000 && code <= 0x3fffd)
  ) return 2
  return 1
}

/** Text with \x01…\x02 parts and escape sequences taken out. */
export function visibleText(text: string): string {
  return text.replace(/\x01[^\x02]*\x02/g, '').replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '').replace(/\x1b\][^\x07\x1b]*(\x07|\x1b\\)/g, '')
}

export function textWidth(text: string): number {
  let n = 0
  for (const c of visibleText(text)) n += charWidth(c)
  return n
}

/** What words are made of when the editor moves by words. */
export const wordChar = /[\p{L}\p{N}_]/u
