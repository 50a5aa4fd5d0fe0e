/** State of the whole window: settings, hosts, runs under way, plans made, short messages. */
import {
  type AppState,
  type Failure,
  type HostCard,
  type PlanRequest,
  type PlanView,
  type RunCard,
  type Settings,
  type Stop,
  asFailure,
  backend,
} from "$lib/backend";

export interface Toast {
  id: number;
  tone: "ok" | "fail" | "info";
  text: string;
  /** Something that can be done about it, such as undoing it. */
  action?: { title: string; run: () => void };
}

/** A plan that was made in this window, with the question that it answers. */
export interface MadePlan {
  view: PlanView;
  request: PlanRequest;
}

class Window {
  state = $state<AppState | null>(null);
  failure = $state<Failure | null>(null);
  hosts = $state.raw<HostCard[] | null>(null);
  active = $state.raw<RunCard[]>([]);
  plans = $state.raw<Record<string, MadePlan>>({});
  toasts = $state<Toast[]>([]);
  /** Runs that ended while another page was shown, for the notice. */
  #last = 0;
  #stops: Stop[] = [];

  async start(): Promise<void> {
    const api = backend();
    try {
      this.state = await api.appState();
      applyTheme(this.state.settings);
      this.#stops = [
        api.watchHosts(
          (hosts) => (this.hosts = hosts),
          (failure) => (this.failure = failure),
        ),
        api.watchActive(
          (runs) => (this.active = runs),
          (failure) => (this.failure = failure),
        ),
      ];
    } catch (error) {
      this.failure = asFailure(error);
    }
  }
  stop(): void {
    for (const stop of this.#stops) stop();
    this.#stops = [];
  }
  get settings(): Settings | null {
    return this.state?.settings ?? null;
  }
  async change(settings: Partial<Settings>): Promise<void> {
    if (!this.state) return;
    const next = { ...this.state.settings, ...settings };
    this.state.settings = next;
    applyTheme(next);
    try {
      await backend().saveSettings(next);
    } catch (error) {
      this.tell(asFailure(error).message, "fail");
    }
  }
  keep(view: PlanView, request: PlanRequest): void {
    this.plans = { ...this.plans, [view.id]: { view, request } };
  }
  tell(text: string, tone: Toast["tone"] = "ok", action?: Toast["action"]): void {
    this.#last += 1;
    const id = this.#last;
    this.toasts.push({ id, tone, text, action });
    // Something that can be undone, or that failed, stays longer.
    setTimeout(() => this.dismiss(id), action || tone === "fail" ? 12_000 : 5_000);
  }
  dismiss(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }
}

function applyTheme(settings: Settings): void {
  const dark =
    settings.theme === "dark" || (settings.theme === "system" && !matchMedia("(prefers-color-scheme: light)").matches);
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
}

export const app = new Window();

matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => {
  if (app.settings) applyTheme(app.settings);
});
