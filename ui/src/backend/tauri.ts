/** The real back end: the commands of the program around this page. */
import { Channel } from "@tauri-apps/api/core";
import { type Backend, type OnFailure, SlipwayError, type Stop, asFailure } from ".";
import { type Failure, type LogNews, type RunNews, commands, events } from "./generated/bindings";

type Answer<D> = { status: "ok"; data: D } | { status: "error"; error: Failure };

async function open<D>(asked: Promise<Answer<D>>): Promise<D> {
  const answer = await asked;
  if (answer.status === "ok") return answer.data;
  throw new SlipwayError(answer.error);
}

function channel<T>(on: (item: T) => void): Channel<T> {
  const made = new Channel<T>();
  made.onmessage = on;
  return made;
}

/** Names of another page, before this one was loaded anew, are others. */
const page = Date.now().toString(36);
let last = 0;

/** Subscribes under a fresh name; stopping also silences what is still on its way. */
function watch<T>(
  begin: (name: string, news: Channel<T>) => Promise<Answer<null>>,
  news: (item: T) => void,
  failed: OnFailure,
): Stop {
  last += 1;
  const name = `watch-${page}-${last}`;
  let wanted = true;
  const begun = open(
    begin(
      name,
      channel((item: T) => {
        if (wanted) news(item);
      }),
    ),
  ).catch((error: unknown) => {
    if (wanted) failed(asFailure(error));
  });
  return () => {
    wanted = false;
    // One that still waits for its host would begin after its end was asked for, and never end.
    void begun.finally(() => commands.unwatch(name));
  };
}

const {
  startDisposable,
  tryHost,
  watchHosts,
  watchActive,
  watchSite,
  watchLogs,
  watchRun,
  unwatch: _,
  ...plain
} = commands;

/** Each plain command, with failures thrown. */
type Opened = Omit<
  Backend,
  "startDisposable" | "tryHost" | "watchHosts" | "watchActive" | "watchSite" | "watchLogs" | "watchRun" | "onCloseAsked"
>;
const opened = Object.fromEntries(
  Object.entries(plain).map(([name, command]) => [
    name,
    (...args: unknown[]) => open((command as (...args: unknown[]) => Promise<Answer<unknown>>)(...args)),
  ]),
) as unknown as Opened;

export const tauri: Backend = {
  ...opened,
  startDisposable: (step) => open(startDisposable(channel(step))),
  tryHost: (form, answers, step) => open(tryHost(form, answers, channel(step))),
  watchHosts: (news, failed) => watch(watchHosts, news, failed),
  watchActive: (news, failed) => watch(watchActive, news, failed),
  watchSite: (site, host, news, failed) => watch((name, to) => watchSite(site, host, name, to), news, failed),
  watchLogs: (site, host, query, lines, failed) =>
    watch(
      (name, to) => watchLogs(site, host, query, name, to),
      (news: LogNews) => (news.news === "lost" ? failed(news.failure) : lines(news.batch)),
      failed,
    ),
  watchRun: (run, batch, failed) =>
    watch(
      (name, to) => watchRun(run, name, to),
      (news: RunNews) => (news.news === "lost" ? failed(news.failure) : batch(news.batch)),
      failed,
    ),
  onCloseAsked: (asked) => {
    const stop = events.closeAsked.listen((event) => asked(event.payload.runs));
    return () => void stop.then((end) => end());
  },
};
