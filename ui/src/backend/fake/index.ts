/**
 * A back end made of examples: for tests of components and for the gallery. It never reaches anything. Each area has
 * its own file; `?hosts=empty` and the like choose the state of an area.
 */
import { type Backend, SlipwayError } from "..";
import { fakeApp } from "./app";
import { fakeHosts } from "./hosts";
import { fakePlans } from "./plans";
import { fakeRuns } from "./runs";
import { type Scene, failure } from "./scene";
import { fakeSecrets } from "./secrets";
import { fakeSites } from "./sites";
import { fakeWizard } from "./wizard";

export { NOW, type Scene, failure, never, refuse } from "./scene";

export function fake(scene: Scene = new URLSearchParams()): Backend {
  const parts: Partial<Backend> = {
    ...fakeApp(scene),
    ...fakeHosts(scene),
    ...fakeSites(scene),
    ...fakePlans(scene),
    ...fakeRuns(scene),
    ...fakeSecrets(scene),
    ...fakeWizard(scene),
  };
  return new Proxy(parts, {
    get(target, name) {
      const found = Reflect.get(target, name) as unknown;
      if (found !== undefined) return found;
      return () => {
        throw new SlipwayError(failure("window", `the fake back end has no ${String(name)}`));
      };
    },
  }) as Backend;
}
