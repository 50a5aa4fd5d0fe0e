/** What every area of the examples needs. A file of its own, so that it is there before they are. */
import { type Failure, SlipwayError } from "..";

/** Choices: area → state, from the address. */
export type Scene = URLSearchParams;

/** A failure for examples. */
export function failure(code: string, message: string, causes: string[] = [], hint: string | null = null): Failure {
  return { code, message, causes, hint, moved: [], asks: null };
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
