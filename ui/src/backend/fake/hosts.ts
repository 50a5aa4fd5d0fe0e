/** Examples of hosts. */
import type { Backend } from "..";
import type { Scene } from ".";

export function fakeHosts(_scene: Scene): Partial<Backend> {
  return { watchHosts: (news) => { news([]); return () => undefined; } };
}
