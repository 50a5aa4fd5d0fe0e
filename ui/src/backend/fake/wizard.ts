/** Examples of wizard. */
import type { Backend } from "..";
import type { Scene } from ".";

export function fakeWizard(_scene: Scene): Partial<Backend> {
  return {};
}
