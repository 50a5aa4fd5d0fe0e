/**
 * A back end made of examples: for tests of components and for the gallery. It never reaches anything. Each area has
 * its own file; `?hosts=empty` and the like choose the state of an area.
 */
import { type Backend, type Failure, SlipwayError } from "..";
import { fakeApp } from "./app";
import { fakeHosts } from "./hosts";
import { fakePlans } from "./plans";
import { fakeRuns } from "./runs";
import { fakeSecrets } from "./secrets";
import { fakeSites } from "./sites";
import { fakeWizard } from "./wizard";

/** Choices: area → state, from the address. */
export type Scene = URLSearchParams;

export function fake(scene: Scene = new URLSearchParams()): Backend {
  const parts: Partial<Backend> = {
    ...fakeApp(scene), ...fakeHosts(scene), ...fakeSites(scene), ...fakePlans(scene), ...fakeRuns(scene), ...fakeSecrets(scene), ...fakeWizard(scene),
  };
  return new Proxy(parts, {
    get(target, name) {
      const found = Reflect.get(target, name) as unknown;
      if (found !== undefined) return found;
      return () => { throw new SlipwayError(failure("window", `the fake back end has no ${String(name)}`)); };
    },
  }) as Backend;
}

/** A failure for examples. */
export function failure(code: string, message: string, causes: string[] = [], hint: string | null = null): Failure {
  return { code, message, causes, hint, moved: [] };
}

/** Throws it as the back end does. */
export function refuse(told: Failure): Promise<never> {
  return Promise.reject(new SlipwayError(told));
}

/** A question that is never answered: the loading state. */
export function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}

/** The moment at which all examples play, so that pictures do not change. */
export const NOW = Date.parse("2026-11-21T14:00:00Z");
