/** Examples of sites. */
import type { Backend } from "..";
import type { Scene } from ".";

export function fakeSites(_scene: Scene): Partial<Backend> {
  return {};
}
