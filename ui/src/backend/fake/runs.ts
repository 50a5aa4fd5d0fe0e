/** Examples of runs. */
import type { Backend } from "..";
import type { Scene } from ".";

export function fakeRuns(_scene: Scene): Partial<Backend> {
  return { watchActive: (news) => { news([]); return () => undefined; } };
}
