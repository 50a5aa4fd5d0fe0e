/** Begins the window: a usable locale, the back end, the page. */
import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "./design/tokens.css";
import "./design/base.css";
import { mount } from "svelte";
import { useBackend } from "./backend";

/** True in the gallery and in tests; set by the build. */
declare const __FAKE__: boolean;

// With LANG=C the web view reports a locale that does not exist, and everything that formats numbers throws.
try {
  new Intl.Locale(navigator.language);
} catch {
  Object.defineProperty(navigator, "language", { value: "en" });
  Object.defineProperty(navigator, "languages", { value: ["en"] });
}

async function begin(): Promise<void> {
  if (__FAKE__) {
    const [{ NOW, fake }, { clock }] = await Promise.all([import("./backend/fake"), import("./state/clock.svelte")]);
    clock.standStill(NOW);
    useBackend(fake(new URLSearchParams(location.search)));
  } else {
    const { tauri } = await import("./backend/tauri");
    useBackend(tauri);
  }
  const { default: App } = await import("./App.svelte");
  const target = document.getElementById("app");
  if (target) mount(App, { target });
}

void begin();
