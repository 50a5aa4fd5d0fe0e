/** Which language a file on a host is written in, by its path and its first line. */
export type Language = "nginx" | "ini" | "shell" | "toml" | "json" | "yaml" | "python" | "plain";

export function languageOf(path: string, text: string): Language {
  const name = path.split("/").pop() ?? "";
  const ending = name.includes(".") ? (name.split(".").pop() ?? "").toLowerCase() : "";
  if (/^#!.*\b(ba|da|z|k)?sh\b/.test(text) || ending === "sh" || ending === "bash") return "shell";
  if (/^#!.*\bpython/.test(text) || ending === "py") return "python";
  if (/(^|\/)nginx(\/|$)|\/sites-(available|enabled)\//.test(path) || ending === "nginx") return "nginx";
  if (ending === "toml") return "toml";
  if (ending === "json" || ending === "jsonl") return "json";
  if (ending === "yml" || ending === "yaml") return "yaml";
  if (
    [
      "service",
      "socket",
      "timer",
      "target",
      "mount",
      "path",
      "slice",
      "ini",
      "cfg",
      "env",
      "properties",
      "repo",
      "conf",
    ].includes(ending)
  )
    return "ini";
  if (name === "environment" || name === ".env" || /^\[[^\]\n]+\]\s*$/m.test(text.slice(0, 4000))) return "ini";
  if (/\/(sudoers\.d|cron\.d|logrotate\.d|sysusers\.d|tmpfiles\.d)\//.test(path)) return "shell";
  return "plain";
}
