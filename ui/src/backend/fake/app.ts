/**
 * Examples of the program itself.
 *
 * `?theme=light`, `?view=table`, `?diff=split`, `?disposable=none`, `?keyring=missing|loading`, `?templates=none|failing`,
 * `?inventory=cancelled|failing`.
 */
import type { Backend, Transfer } from "..";
import { type Scene, failure, never, refuse } from "./scene";

const TEMPLATES = [
  "nginx/site.conf",
  "nginx/maintenance.html",
  "systemd/process@.service",
  "systemd/site.target",
  "logrotate/site",
];

export function fakeApp(scene: Scene): Partial<Backend> {
  const theme = scene.get("theme") === "light" ? "light" : "dark";
  const home = "/home/ann/.local/share/slipway";
  const transfer = (of: Partial<Transfer>): Promise<Transfer> => {
    const kind = scene.get("inventory");
    if (kind === "failing")
      return refuse(
        failure(
          "local",
          "/media/usb/slipway.toml could not be used; nothing was changed",
          ["line 3: expected `=`"],
          "Is it a file that Slipway exported?",
        ),
      );
    return Promise.resolve({
      path: kind === "cancelled" ? null : "/home/ann/slipway-inventory.toml",
      added: [],
      kept: [],
      replaced: [],
      ...of,
    });
  };
  return {
    appState: () =>
      Promise.resolve({
        version: "0.1.0",
        operator: "ann@desk-7",
        home,
        settings: {
          theme,
          hosts_view: scene.get("view") === "table" ? "table" : "cards",
          diff_view: scene.get("diff") === "split" ? "split" : "unified",
          notifications: true,
        },
      }),
    disposable: () =>
      Promise.resolve(
        scene.get("disposable") === "none"
          ? { available: false, reason: "Neither Podman nor Docker is installed on this computer." }
          : { available: true, reason: null },
      ),
    keyringState: () =>
      scene.get("keyring") === "loading"
        ? never()
        : Promise.resolve(
            scene.get("keyring") === "missing"
              ? {
                  label: "Secret Service",
                  ready: false,
                  message: "No keyring answers on this desktop.",
                  hint:
                    "Install and start gnome-keyring or KeePassXC, or unlock the one you have; then look again. " +
                    "Until then passwords are asked for each time and secrets cannot be kept.",
                }
              : { label: "Secret Service, unlocked", ready: true, message: null, hint: null },
          ),
    usage: () => Promise.resolve({ cpu_percent: 0.4, memory_bytes: 168_000_000 }),
    saveSettings: () => Promise.resolve(null),
    templates: () =>
      scene.get("templates") === "failing"
        ? refuse(failure("local", "The folder of templates could not be read", ["permission denied"]))
        : Promise.resolve(
            TEMPLATES.map((name, i) => ({
              name,
              path: `${home}/templates/${name}`,
              overridden: scene.get("templates") !== "none" && i === 0,
            })),
          ),
    exportInventory: () => transfer({ added: ["web-1", "web-2", "lab"] }),
    importInventory: (replace) =>
      transfer({ added: ["web-9"], kept: replace ? [] : ["web-1"], replaced: replace ? ["web-1"] : [] }),
    choose: (what) => Promise.resolve(what === "key-file" ? "/home/ann/keys/deploy_ed25519" : "/home/ann/planner"),
    openLink: () => Promise.resolve(null),
    closeChoice: () => Promise.resolve(null),
    onCloseAsked: () => () => undefined,
  };
}
