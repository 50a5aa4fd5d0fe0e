/** How moments, lengths of time and sizes are said. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "now", "3 min ago", "in 5 d". */
export function ago(at: number, now: number): string {
  const off = now - at;
  const size = Math.abs(off);
  const text =
    size < 5_000
      ? "now"
      : size < MINUTE
        ? `${Math.round(size / 1000)} s`
        : size < HOUR
          ? `${Math.round(size / MINUTE)} min`
          : size < 2 * DAY
            ? `${Math.round(size / HOUR)} h`
            : `${Math.round(size / DAY)} d`;
  if (text === "now") return text;
  return off >= 0 ? `${text} ago` : `in ${text}`;
}

/** A moment to the second, in the person's own zone. */
export function exact(at: number): string {
  return new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** "0.4 s", "12 s", "3 min 05 s". */
export function duration(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
  return `${Math.floor(seconds / 3600)} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")} min`;
}

/** "212 MB": decimal, as disks are sold. */
export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** "1 host", "3 hosts". */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** Characters that a terminal or a text direction would obey, made visible; long texts cut with a word. */
export function visible(text: string, longest = 20_000): string {
  const cut =
    text.length > longest
      ? `${text.slice(0, longest)} … (${(text.length - longest).toLocaleString("en")} more characters)`
      : text;
  // eslint-disable-next-line no-control-regex
  return cut.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g,
    (c) => {
      const code = c.codePointAt(0) ?? 0;
      return `\\u{${code.toString(16)}}`;
    },
  );
}
