/** Releases as people speak of them. */
import type { Release } from "$lib/backend";

/** `9f2c1ab`. */
export function shortCommit(commit: string): string {
  return commit.slice(0, 7);
}

/** A release's id without what its neighbours share: the time of day and the commit. */
export function shortRelease(id: string): string {
  return id.length > 15 ? `${id.slice(4, 13)}…${id.slice(-7)}` : id;
}

/** The release that one would go back to: the newest known-good one before the live one. */
export function fallback(releases: readonly Release[]): Release | null {
  const live = releases.findIndex((release) => release.active);
  return releases.slice(live + 1).find((release) => release.known_good && !release.active) ?? null;
}
