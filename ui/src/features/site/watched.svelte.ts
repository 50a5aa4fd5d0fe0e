/** A site as it is being watched: what was last seen, and why nothing newer comes. */
import { type Failure, type SiteStatus, type Stop, backend } from "$lib/backend";

export class Watched {
  status = $state.raw<SiteStatus | null>(null);
  /** Set while the host cannot be looked at; what was last seen stays. */
  lost = $state.raw<Failure | null>(null);
  /** Watching itself did not begin; it does not come back by itself. */
  failure = $state.raw<Failure | null>(null);

  watch(site: string, host: string): Stop {
    this.failure = null;
    return backend().watchSite(
      site,
      host,
      (news) => {
        switch (news.news) {
          case "seen":
            this.status = news.status;
            this.lost = null;
            break;
          case "lost":
            this.lost = news.failure;
            break;
        }
      },
      (failure) => (this.failure = failure),
    );
  }
}
