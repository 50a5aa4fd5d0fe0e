/** What an address says: `user@host:port`, `[::1]:22`, `ssh://…`, or an alias of ~/.ssh/config. */

export interface Address {
  user: string | null;
  host: string;
  port: number | null;
}

/** The parts; null where it cannot be one. */
export function parse(typed: string): Address | null {
  const text = typed
    .trim()
    .replace(/^ssh:\/\//i, "")
    .replace(/\/+$/, "");
  const cut = text.lastIndexOf("@");
  const user = cut >= 0 ? text.slice(0, cut) : null;
  const place = cut >= 0 ? text.slice(cut + 1) : text;
  const bracketed = /^\[([0-9a-fA-F:.%\w]+)\](?::(\d{1,5}))?$/.exec(place);
  const plain = /^([^\s:[\]]+)(?::(\d{1,5}))?$/.exec(place);
  // More than one colon: an IPv6 address without a port.
  const bare = /^[0-9a-fA-F]*:[0-9a-fA-F:.]*(%\w+)?$/.exec(place) && place.split(":").length > 2 ? place : null;
  const host = bracketed?.[1] ?? bare ?? plain?.[1];
  const digits = bracketed?.[2] ?? (bare ? undefined : plain?.[2]);
  const port = digits === undefined ? null : Number(digits);
  if (
    !host ||
    host.startsWith("-") ||
    user === "" ||
    (user !== null && (/[\s:]/.test(user) || user.startsWith("-"))) ||
    (port !== null && (port < 1 || port > 65_535))
  )
    return null;
  return { user, host, port };
}

/** A name for the inventory: the first label of a domain name, an IP address with dashes. */
export function suggestName(typed: string): string {
  const host = parse(typed)?.host ?? "";
  const ip = /^[0-9.]+$/.test(host) || host.includes(":");
  const name = ip ? host.replace(/[.:%]+/g, "-") : (host.split(".")[0] ?? "");
  return name
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 63);
}
