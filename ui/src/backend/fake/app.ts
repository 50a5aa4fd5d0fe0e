/** Examples of the program itself. */
import type { Backend } from "..";
import type { Scene } from ".";

export function fakeApp(scene: Scene): Partial<Backend> {
  const theme = scene.get("theme") === "light" ? "light" : "dark";
  return {
    appState: () => Promise.resolve({
      version: "0.1.0", operator: "ann@desk-7", home: "/home/ann/.local/share/slipway",
      settings: { theme, hosts_view: scene.get("view") === "table" ? "table" : "cards", diff_view: scene.get("diff") === "split" ? "split" : "unified", notifications: true },
      disposable: { available: true, reason: null },
    }),
    keyringState: () => Promise.resolve({ label: "Secret Service, unlocked", ready: true, message: null, hint: null }),
    usage: () => Promise.resolve({ cpu_percent: 0.4, memory_bytes: 168_000_000 }),
    saveSettings: () => Promise.resolve(null),
    choose: () => Promise.resolve("/home/ann/planner"),
    openLink: () => Promise.resolve(null),
    closeChoice: () => Promise.resolve(null),
    onCloseAsked: () => () => undefined,
  };
}
