/** How lists of names and updates are said on a card. */
import type { Updates } from "$lib/backend";
import { visible } from "$lib/design/words";

export function some(names: readonly string[], most = 3): string {
  const text = visible(names.slice(0, most).join(", "), 200);
  return names.length > most ? `${text} and ${names.length - most} more` : text;
}

export function updateWords(updates: Updates | null): string {
  if (!updates) return "not known";
  if (updates.pending === 0) return "none";
  const all = updates.pending.toLocaleString("en");
  return updates.security ? `${all} pending, ${updates.security.toLocaleString("en")} for security` : `${all} pending`;
}
