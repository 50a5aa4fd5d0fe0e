/** Examples of plans. */
import type { Backend } from "..";
import type { Scene } from ".";

export function fakePlans(_scene: Scene): Partial<Backend> {
  return {};
}
