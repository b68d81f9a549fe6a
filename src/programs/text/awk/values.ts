/** awk's values, and the jumps that leave several frames of a program. */

/** Text that came from input and looks like a number compares as one. */
export class Input {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export type Value = number | string | Input | undefined
export type AwkArray = Map<string, Value>

export class Next {}
export class NextFile {}
export class Break {}
export class Continue {}
export class Return {
  readonly value: Value
  constructor(value: Value) {
    this.value = value
  }
}
export class Exit {}
