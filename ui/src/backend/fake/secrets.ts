/** Examples of secrets. */
import type { Backend } from "..";
import type { Scene } from ".";

export function fakeSecrets(_scene: Scene): Partial<Backend> {
  return {};
}
