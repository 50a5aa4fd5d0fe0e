/** Making a plan, to read it on its own page. */
import { type Failure, type PlanRequest, asFailure, backend } from "$lib/backend";
import { app } from "$lib/state/app.svelte";
import { go, to } from "$lib/state/router.svelte";

export class Making {
  busy = $state(false);
  failure = $state.raw<Failure | null>(null);

  /** Looks at the host, plans, and goes to the plan. */
  async make(site: string, host: string, request: PlanRequest): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.failure = null;
    try {
      const view = await backend().makePlan(site, host, request);
      app.keep(view, request);
      go(to("plan", view.id));
    } catch (error) {
      this.failure = asFailure(error);
    } finally {
      this.busy = false;
    }
  }
}
