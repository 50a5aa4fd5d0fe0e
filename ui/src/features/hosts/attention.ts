/** Which hosts need a person, and why; and the one sentence over the list. */
import type { HostCard } from "$lib/backend";
import type { Tone } from "$lib/design/State.svelte";
import { reachWords } from "$lib/state/reach";

export const FULL = 90;

export interface Attention {
  host: HostCard;
  tone: Tone;
  word: string;
  text: string;
}

/** What needs a person first; null when nothing does. */
export function attention(host: HostCard): Attention | null {
  const { reach } = host;
  const { tone, text } = reachWords(reach);
  if (reach.state === "needs") {
    switch (reach.need) {
      case "host-key-changed":
        return {
          host,
          tone,
          word: "Another key",
          text: "shows another host key than is recorded. Nothing is sent to it.",
        };
      case "host-key":
        return {
          host,
          tone,
          word: "Compare its key",
          text: "has not been seen from here before. Its key has to be compared once.",
        };
      case "password":
      case "passphrase":
      case "sudo-password":
        return {
          host,
          tone,
          word: "Waits for you",
          text: `${text.charAt(0).toLowerCase()}${text.slice(1)} before it can be looked at.`,
        };
    }
  }
  if (reach.state === "down")
    return {
      host,
      tone,
      word: "No answer",
      text: `does not answer${reach.failure.causes[0] ? `: ${reach.failure.causes[0]}` : "."}`,
    };
  const disk = host.load?.disk_percent ?? 0;
  if (reach.state === "up" && disk >= FULL)
    return {
      host,
      tone: "warn",
      word: "Disk",
      text: `has a file system that is ${Math.round(disk)} % full. Deployments need room; remove old releases or logs.`,
    };
  return null;
}

/** What is worst comes first. */
export function needing(hosts: readonly HostCard[]): Attention[] {
  const weight = (one: Attention) =>
    one.word === "Another key" ? 0 : one.word === "No answer" ? 1 : one.word === "Disk" ? 3 : 2;
  return hosts
    .map(attention)
    .filter((one) => one !== null)
    .sort((a, b) => weight(a) - weight(b));
}

export function headline(hosts: readonly HostCard[]): string {
  const needs = needing(hosts).length;
  const down = hosts.filter((host) => host.reach.state === "down").length;
  const looking = hosts.filter((host) => host.reach.state === "unknown" || host.reach.state === "connecting").length;
  const asking = needs - down;
  if (looking === hosts.length)
    return hosts.length === 1 ? "Looking at your host." : `Looking at ${hosts.length} hosts.`;
  const first =
    down === 0
      ? hosts.length === 1
        ? "Your host answers."
        : "Everything answers."
      : hosts.length === 1
        ? "Your host does not answer."
        : `${down === 1 ? "One" : down} of ${hosts.length} hosts ${down === 1 ? "does" : "do"} not answer.`;
  // A host that waits for a password has not answered a question yet, so nothing is claimed of it.
  const rest =
    asking === 0
      ? ""
      : hosts.length === 1
        ? " It needs you."
        : ` ${asking === 1 ? "One" : asking}${down ? " more" : ""} host${asking === 1 ? "" : "s"} need${asking === 1 ? "s" : ""} you.`;
  const silent = hosts.some((host) => host.reach.state === "needs");
  if (down === 0 && silent && hosts.length === 1) return "Your host needs you.";
  return `${first}${rest}`;
}

export type Order = "name" | "load" | "seen" | "run";

export const ORDERS: readonly { value: Order; title: string }[] = [
  { value: "name", title: "Name" },
  { value: "load", title: "Busiest first" },
  { value: "seen", title: "Silent longest first" },
  { value: "run", title: "Last run, newest first" },
];

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

export function ordered(hosts: readonly HostCard[], order: Order): HostCard[] {
  const byName = (a: HostCard, b: HostCard) => collator.compare(a.name, b.name);
  const busy = (host: HostCard) =>
    host.load ? Math.max(host.load.cpu_percent ?? 0, host.load.memory_percent, host.load.disk_percent ?? 0) : -1;
  return [...hosts].sort((a, b) => {
    switch (order) {
      case "name":
        return byName(a, b);
      case "load":
        return busy(b) - busy(a) || byName(a, b);
      case "seen":
        return (a.last_seen_ms ?? 0) - (b.last_seen_ms ?? 0) || byName(a, b);
      case "run":
        return (b.last_run?.started_ms ?? 0) - (a.last_run?.started_ms ?? 0) || byName(a, b);
    }
  });
}

export function matching(hosts: readonly HostCard[], text: string, tags: readonly string[]): HostCard[] {
  const words = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  return hosts.filter((host) => {
    const all = [host.name, host.address, host.os ?? "", ...host.tags, ...host.sites].join(" ").toLowerCase();
    return tags.every((tag) => host.tags.includes(tag)) && words.every((word) => all.includes(word));
  });
}
