/** Which page belongs to which address. Pages are features; features do not import each other. */
import type { Component } from "svelte";
import { to } from "./state/router.svelte";
import NotFound from "./frame/NotFound.svelte";
import Hosts from "./features/hosts/Hosts.svelte";
import Host from "./features/hosts/Host.svelte";
import HostForm from "./features/add-host/AddHost.svelte";
import Sites from "./features/sites/Sites.svelte";
import Site from "./features/site/Site.svelte";
import Deploy from "./features/site/Deploy.svelte";
import Rollback from "./features/site/Rollback.svelte";
import Plan from "./features/plan/Plan.svelte";
import Run from "./features/run/Run.svelte";
import History from "./features/history/History.svelte";
import Logs from "./features/logs/Logs.svelte";
import Wizard from "./features/wizard/Wizard.svelte";
import SettingsPage from "./features/settings/Settings.svelte";

export interface Page {
  /** The place in the sidebar. */
  section: string;
  crumbs: readonly { title: string; address?: string }[];
  // Pages take different properties; which ones is decided right here.
  component: Component<Record<string, string>>;
  props: Record<string, string>;
  /** A page with another key is made anew. */
  key: string;
}

type Any = Component<Record<string, string>>;

function page(section: string, component: unknown, props: Record<string, string>, ...crumbs: Page["crumbs"]): Page {
  return {
    section,
    component: component as Any,
    props,
    crumbs,
    key: `${section}/${crumbs.map((c) => c.title).join("/")}/${JSON.stringify(props)}`,
  };
}

const hosts = { title: "Hosts", address: to("hosts") };
const sites = { title: "Sites", address: to("sites") };

export function pageOf(parts: readonly string[]): Page {
  const [place = "hosts", name, what, more] = parts;
  switch (place) {
    case "hosts":
      if (!name) return page("hosts", Hosts, {}, { title: "Hosts" });
      if (name === "+add") return page("hosts", HostForm, {}, hosts, { title: "Add a host" });
      if (what === "edit")
        return page(
          "hosts",
          HostForm,
          { edit: name },
          hosts,
          { title: name, address: to("hosts", name) },
          { title: "How it is reached" },
        );
      return page("hosts", Host, { name }, hosts, { title: name });
    case "sites": {
      if (!name) return page("sites", Sites, {}, { title: "Sites" });
      // A site on a host: #/sites/SITE/HOST/…
      const site = { title: name, address: to("sites", name, what ?? "") };
      if (more === "deploy")
        return page("sites", Deploy, { site: name, host: what ?? "" }, sites, site, { title: "Deploy" });
      if (more === "rollback")
        return page("sites", Rollback, { site: name, host: what ?? "" }, sites, site, { title: "Roll back" });
      // Its tabs are one page: what is watched goes on being watched.
      return {
        ...page("sites", Site, { site: name, host: what ?? "", tab: more ?? "" }, sites, { title: name }),
        key: `sites/${to(name, what ?? "")}`,
      };
    }
    case "plan":
      return page("sites", Plan, { id: name ?? "" }, sites, { title: "Review plan" });
    case "runs":
      return page(
        "history",
        Run,
        { id: name ?? "" },
        { title: "History", address: to("history") },
        { title: `Run ${name ?? ""}` },
      );
    case "history":
      return page("history", History, {}, { title: "History" });
    case "logs":
      return page("logs", Logs, {}, { title: "Logs" });
    case "new":
      return page("sites", Wizard, { id: name ?? "" }, sites, { title: "New site" });
    case "settings":
      return page("settings", SettingsPage, {}, { title: "Settings" });
    default:
      return page("", NotFound, {}, { title: "Not found" });
  }
}
