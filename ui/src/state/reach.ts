/** Whether a host can be reached, in words. */
import type { Reach } from "$lib/backend";
import type { Tone } from "$lib/design/State.svelte";

export function reachWords(reach: Reach): { tone: Tone; text: string } {
  switch (reach.state) {
    case "unknown":
      return { tone: "idle", text: "Not looked at yet" };
    case "connecting":
      return { tone: "going", text: "Connecting" };
    case "up":
      return { tone: "ok", text: "Reachable" };
    case "down":
      return { tone: "fail", text: "Not reachable" };
    case "needs":
      switch (reach.need) {
        case "password":
          return { tone: "warn", text: "Needs its password" };
        case "passphrase":
          return { tone: "warn", text: "Needs the key's passphrase" };
        case "sudo-password":
          return { tone: "warn", text: "Needs the sudo password" };
        case "host-key":
          return { tone: "warn", text: "Its key has not been compared" };
        case "host-key-changed":
          return { tone: "fail", text: "Another host key" };
      }
  }
}
