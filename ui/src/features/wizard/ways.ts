/** How a process is replaced by its next release, each way with its price. */
export function waysToReplace(web: boolean) {
  const overlap =
    "The new one starts beside the old one, which ends once the new one works. " +
    "Nobody waits; for that time it needs its memory twice.";
  const late = "A bad release is found out only once it is live.";
  return [
    { value: "overlap", title: "Both run for a moment", text: overlap },
    {
      value: "stop-first",
      title: "The old one ends first",
      text: web
        ? `For what holds a lock or a port of its own. Visitors wait while one ends and the other starts. ${late}`
        : `For schedulers and bots, which must never run twice. ${late}`,
    },
  ] as const;
}
