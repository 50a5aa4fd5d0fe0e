/** What can be done with the processes of a site, and what people notice of it. */
import type { ServiceAction } from "$lib/backend";

export interface Act {
  action: ServiceAction;
  title: string;
  /** Beside it in the menu. */
  note?: string;
  /** What people notice; asked first when set. */
  asks?: string;
  danger?: boolean;
}

/** For all processes of a site, or for one unit. */
export function acts(unit: string | null, site: string, host: string): readonly (readonly Act[])[] {
  const what = unit ?? `all processes of ${site}`;
  const processes: Act[] = [
    { action: "start", title: "Start" },
    {
      action: "restart",
      title: "Restart",
      note: unit
        ? "Its open connections drop and come back"
        : "Instances one at a time; open connections drop and come back",
    },
    { action: "reload", title: "Reload", note: "Reads its configuration again, where it can" },
    {
      action: "stop",
      title: "Stop…",
      danger: true,
      asks: unit
        ? `${unit} on ${host} stops now. When it is the last of its process, people get an error page until it is started again.`
        : `${what} on ${host} stop now. People who use ${site} get an error page until it is started again.`,
    },
  ];
  const starting: Act[] = [
    { action: "enable", title: "Start when the host starts" },
    {
      action: "disable",
      title: "Do not start with the host…",
      danger: true,
      asks: unit
        ? `Nothing stops now. After the next restart of ${host}, ${what} does not come back by itself: ` +
          "people get an error page until somebody starts it."
        : `Nothing stops now. After the next restart of ${host}, ${what} do not come back by themselves: ` +
          "people get an error page until somebody starts them.",
    },
  ];
  const nginx: Act[] = [
    { action: "nginx-test", title: "Test nginx's configuration", note: "Changes nothing" },
    { action: "nginx-reload", title: "Reload nginx", note: "For every site on this host; nobody notices" },
  ];
  return unit ? [processes, starting] : [processes, starting, nginx];
}

/** What is on its way, in words. */
export function doing(action: ServiceAction): string {
  switch (action) {
    case "start":
      return "Starting";
    case "stop":
      return "Stopping";
    case "restart":
      return "Restarting";
    case "reload":
      return "Reloading";
    case "enable":
      return "Setting to start with the host";
    case "disable":
      return "Setting not to start with the host";
    case "nginx-test":
      return "Testing nginx's configuration";
    case "nginx-reload":
      return "Reloading nginx";
  }
}
