/** Which page is shown. The address is the part after `#`, so that back and forward work. */
class Router {
  path = $state("/");
  constructor() {
    const read = () => (this.path = location.hash.slice(1) || "/");
    read();
    addEventListener("hashchange", read);
  }
  /** Parts of the path, decoded: `["sites", "shop"]`. */
  get parts(): string[] {
    return (this.path.split("?")[0] ?? "").split("/").filter(Boolean).map(decodeURIComponent);
  }
  get query(): URLSearchParams {
    return new URLSearchParams(this.path.split("?")[1] ?? "");
  }
}

export const router = new Router();

/** A path out of parts, each encoded: `to("sites", name)`. */
export function to(...parts: (string | number)[]): string {
  return `#/${parts.map((part) => encodeURIComponent(String(part))).join("/")}`;
}

/** Goes to a page made with `to`. */
export function go(address: string, replace = false): void {
  if (replace) location.replace(address);
  else location.hash = address;
}
